"""The way out over HTTP: read-only, every answer through the lens."""
