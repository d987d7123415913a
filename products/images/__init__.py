"""Pictures: their checks, decoding, names and storage."""
