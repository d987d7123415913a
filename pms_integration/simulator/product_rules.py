"""What a product must be. Other members are kept as they come."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pms_integration.simulator.exchange import Refusal
from pms_integration.simulator.members import is_code

# The PMS's own; what a writer says of them is ignored.
OWN_MEMBERS: Final = frozenset({"id", "version", "updated_at", "deleted"})
STATUSES: Final = ("draft", "active", "archived")
_AMOUNT: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")

# Returns None for a value that is right, else the pointer of what is wrong in it.
Check = Callable[[Any], str | None]


def require_product(product: Mapping[str, Any]) -> dict[str, Any]:
    """The product without the PMS's own members. Raises `Refusal`."""
    if (pointer := _PRODUCT(product)) is not None:
        raise Refusal(422, "invalid_product", f"{pointer} is not valid.", pointer=pointer)
    skus = [variant["sku"] for variant in product["variants"]]
    if len(set(skus)) < len(skus):
        raise Refusal(422, "invalid_product", "A SKU is in it twice.", pointer="/variants")
    return {name: value for name, value in product.items() if name not in OWN_MEMBERS}


def _where(fits: Callable[[Any], bool]) -> Check:
    return lambda value: None if fits(value) else ""


def _list_of(check: Check, *, minimum: int = 0) -> Check:
    def find(value: Any) -> str | None:
        if not isinstance(value, list) or len(value) < minimum:
            return ""
        wrong = ((index, check(item)) for index, item in enumerate(value))
        return next((f"/{index}{pointer}" for index, pointer in wrong if pointer is not None), None)

    return find


def _object(required: Mapping[str, Check], optional: Mapping[str, Check]) -> Check:
    """An optional member may be null, which means that it is absent."""

    def find(value: Any) -> str | None:
        if not isinstance(value, dict):
            return ""
        present = {name: check for name, check in optional.items() if value.get(name) is not None}
        wrong = ((name, check(value.get(name))) for name, check in {**required, **present}.items())
        return next((f"/{name}{pointer}" for name, pointer in wrong if pointer is not None), None)

    return find


_TEXT: Final = _where(lambda value: isinstance(value, str))
_NAME: Final = _where(lambda value: isinstance(value, str) and value != "")
_CODE: Final = _where(is_code)
_PRICE: Final = _where(lambda value: isinstance(value, str) and _AMOUNT.fullmatch(value) is not None)
_WHOLE: Final = _where(lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0)
_OBJECT: Final = _where(lambda value: isinstance(value, dict))
_STATUS: Final = _where(lambda value: value in STATUSES)

_VARIANT: Final = _object(
    {"sku": _CODE},
    {
        **dict.fromkeys(("barcode", "name", "currency"), _TEXT),
        **dict.fromkeys(("price", "compare_at_price", "cost"), _PRICE),
        **dict.fromkeys(("weight_grams", "position"), _WHOLE),
        "options": _OBJECT,
    },
)
_PRODUCT: Final = _object(
    {"name": _NAME, "variants": _list_of(_VARIANT, minimum=1)},
    {
        **dict.fromkeys(("handle", "description", "brand", "category"), _TEXT),
        "status": _STATUS,
        "tags": _list_of(_TEXT),
        "attributes": _OBJECT,
        "options": _list_of(_object({"name": _TEXT, "values": _list_of(_TEXT)}, {})),
        "images": _list_of(_object({"url": _TEXT}, {"alt": _TEXT})),
    },
)
