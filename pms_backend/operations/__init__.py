"""Health, metrics, the dashboard, the audit, and commands that span apps."""
