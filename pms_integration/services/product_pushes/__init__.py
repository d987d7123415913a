"""Products are pushed to the PMSs that they are linked to, and made there where they are published to them."""
