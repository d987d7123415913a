"""Stock: levels, the ledger that explains them, and the socket that shows every change."""
