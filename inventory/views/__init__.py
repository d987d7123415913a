"""Inventory over HTTP: one module for each kind of resource."""
