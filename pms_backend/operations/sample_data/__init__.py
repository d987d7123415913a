"""The sample catalogue of Hollin & Tarn, an invented retailer for home and outdoors, as JSON Lines.

`products.jsonl` has the shape of `POST /products/`, with barcodes of the prefix 200, for use within a company.
`categories.jsonl` has each category after its parent, which it names by the slug. `locations.jsonl` says where the PMS
`demo` owns the stock, and `stock.jsonl` has the opening stock of each level.
"""
