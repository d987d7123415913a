"""Pushes of stock: movements of ours are recorded, sent under their keys until the PMS has answered, acknowledged."""
