"""What a saved chapter must be, and how two runs of it are compared."""
