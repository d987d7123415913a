"""A warehouse in memory, to compare the real one with: no locks, no SQL, only the rules."""
