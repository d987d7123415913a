"""A warehouse in memory, to hold the real one against: no locks, no SQL, only the rules of what a figure is."""
