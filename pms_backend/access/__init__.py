"""Who may call, as whom, how often."""
