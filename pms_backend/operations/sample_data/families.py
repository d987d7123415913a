"""How the sample catalogue is written down, and how it becomes products."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product as combinations
from typing import Any, Final

from pms_backend.operations.sample_data.barcodes import internal_barcode
from products.models import ProductStatus

CODE_LENGTH: Final = 5
CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Model:
    """One product of a family. `values` are its own choice of the family's first option."""

    name: str
    price: str | None
    line: str
    values: tuple[str, ...] = ()
    was: str | None = None
    status: ProductStatus = ProductStatus.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Products that share their kind. The brands take turns; `scale` is what an option does to price and weight."""

    code: str
    noun: str
    category: str
    brands: tuple[str, ...]
    about: str
    models: tuple[Model, ...]
    tags: tuple[str, ...]
    weight_grams: int
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scale: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    cost_share: str = "0.45"


def product_inputs(families: tuple[Family, ...]) -> list[dict[str, Any]]:
    """Each product as `ProductInputSerializer` would validate it, in the order in which they are written down."""
    numbers = iter(range(1, 100_000))
    return [_product(family, position, numbers) for family in families for position in range(len(family.models))]


def _product(family: Family, position: int, numbers: Iterator[int]) -> dict[str, Any]:
    model = family.models[position]
    options = dict(family.options)
    if model.values:
        options[next(iter(options))] = model.values
    chosen = [dict(zip(options, values, strict=True)) for values in combinations(*options.values())]
    return {
        "name": f"{model.name} {family.noun}",
        "description": f"{model.line} {family.about}",
        "brand": family.brands[position % len(family.brands)],
        "status": model.status,
        "category": family.category,
        "tags": [*family.tags, *(["sale"] if model.was else [])],
        "attributes": dict(family.attributes),
        "options": [{"name": name, "values": list(values)} for name, values in options.items()],
        "variants": [_variant(family, model, choice, next(numbers)) for choice in chosen],
    }


def _variant(family: Family, model: Model, choice: dict[str, str], number: int) -> dict[str, Any]:
    scale = Decimal(1)
    for value in choice.values():
        scale *= Decimal(family.scale.get(value, "1"))
    price = _scaled(model.price, scale)
    # What an article costs us does not wait for its price: it is in the supplier's offer.
    worth = _scaled(model.was or model.price or "20.00", scale) or Decimal(0)
    return {
        "sku": "-".join([family.code, *map(_code, (model.name, *choice.values()))]),
        "barcode": internal_barcode(number),
        "name": " / ".join(choice.values()),
        "price": price,
        "currency": "USD",
        "compare_at_price": _scaled(model.was, scale),
        "cost": (worth * Decimal(family.cost_share)).quantize(CENT),
        "weight_grams": round(family.weight_grams * scale),
        "options": choice,
    }


def _scaled(price: str | None, scale: Decimal) -> Decimal | None:
    """Keeps the cents, so that 18.95 grows to 28.95 and not to 28.43."""
    if price is None:
        return None
    amount = Decimal(price)
    return int(amount * scale) + amount % 1


def _code(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper())[:CODE_LENGTH]
