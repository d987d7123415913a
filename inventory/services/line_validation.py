"""Checking the lines of a request."""

from collections.abc import Iterable, Sequence
from typing import Final

from django.utils.translation import gettext as _

from inventory.exceptions import InvalidLines, UnknownSku
from inventory.services.levels import variants_by_key
from pms_backend.api.problems import FieldError
from products.skus import sku_key

REPEATED_SKU: Final = "repeated_sku"


def variants_of_lines(skus: Sequence[str], *, pointer: str = "/lines/{}/sku") -> list[int]:
    """The ids of the variants with these SKUs, in their order, each once.

    Raises `InvalidLines`, with an error for each SKU that does not exist or is repeated; `pointer` is the JSON pointer
    to the SKU of a line.
    """
    require_each_once(skus, pointer=pointer)
    variants = variants_by_key(skus)
    refuse(
        FieldError(pointer.format(index), UnknownSku.code, _("There is no SKU %(sku)s.") % {"sku": sku})
        for index, sku in enumerate(skus)
        if sku_key(sku) not in variants
    )
    return [variants[sku_key(sku)] for sku in skus]


def require_each_once(skus: Sequence[str], *, pointer: str = "/lines/{}/sku") -> None:
    """Raises `InvalidLines`, with an error for each SKU that an earlier line has."""
    first: dict[str, int] = {}
    for index, sku in enumerate(skus):
        first.setdefault(sku_key(sku), index)
    refuse(
        FieldError(pointer.format(index), REPEATED_SKU, _("%(sku)s stands in an earlier line.") % {"sku": sku})
        for index, sku in enumerate(skus)
        if first[sku_key(sku)] != index
    )


def refuse(errors: Iterable[FieldError]) -> None:
    """Raises `InvalidLines` with these errors, if there are any."""
    if found := list(errors):
        raise InvalidLines(found)
