"""The command line: one verb a thing somebody wants to know or do."""
