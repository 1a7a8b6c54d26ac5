"""What tests share: their vocabulary, a playbook to try things on, and in-memory twins of the log and the vault."""
