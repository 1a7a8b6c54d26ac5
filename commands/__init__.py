"""The write side: what turns intentions into events, through one bus and one gate path."""
