"""Alerts: what is wrong now, opened and resolved by the program `monitor`, and told by webhook, e-mail and Sentry."""
