"""What the check cells of the exercises call: `core` for all of them, one module a chapter."""
