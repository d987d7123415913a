"""How every endpoint speaks: errors, pages, parsing, rendering, request ids, the schema."""
