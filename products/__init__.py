"""The catalogue: products, their variants, categories."""
