"""What the retailer sells, a module a department."""

from typing import Final

from pms_backend.operations.sample_data.departments import (
    bags,
    camping,
    clothing,
    footwear,
    garden,
    home,
    kitchen,
    workshop,
)
from pms_backend.operations.sample_data.families import Family

FAMILIES: Final[tuple[Family, ...]] = (
    *clothing.FAMILIES,
    *footwear.FAMILIES,
    *camping.FAMILIES,
    *bags.FAMILIES,
    *kitchen.FAMILIES,
    *home.FAMILIES,
    *garden.FAMILIES,
    *workshop.FAMILIES,
)
