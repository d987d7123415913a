"""The catalogue over HTTP: one module for each kind of resource."""
