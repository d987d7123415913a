"""Pictures: what is one, how it is kept, and where."""
