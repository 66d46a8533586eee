"""Live values to bytes and back; knows nothing of where the bytes are kept."""
