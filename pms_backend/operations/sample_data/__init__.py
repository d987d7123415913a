"""A catalogue to begin with: Hollin & Tarn, an invented retailer for the outdoors and the house, and who may call."""
