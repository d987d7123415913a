"""Import and export of products as CSV and JSON Lines (docs/adr/0011)."""
