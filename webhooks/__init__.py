"""Webhooks: the inbound edge."""
