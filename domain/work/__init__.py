"""Work: what one person asks of another about a record, the forks it comes in, and approvals; all of it in the record's stream."""
