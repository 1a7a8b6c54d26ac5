"""Assignment: who gets a record that has no owner, and why the others did not."""
