"""What lies on the disk: one SQLite database and append-only packs. ``FORMAT.md`` beside this file describes both."""
