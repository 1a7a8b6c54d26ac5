"""What people are told: what they asked to be told of, and what they have read."""
