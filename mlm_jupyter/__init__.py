"""The memory of a notebook."""
