"""The PMS: what it tells us, and what we make of it."""
