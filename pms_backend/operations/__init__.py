"""Knowing that it works: health, metrics, commands that span apps."""
