"""The admin of the catalogue."""

from products.admin.categories import CategoryAdmin
from products.admin.products import ProductAdmin
