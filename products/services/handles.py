"""Handles: a product's name in a URL."""

import secrets
from collections.abc import Sequence

from django.utils.text import slugify

from products.models import MAX_NAME_LENGTH, Product

ROOM_FOR_SUFFIX = 8


def free_handles(wanted: Sequence[tuple[str, str]]) -> list[str]:
    """A handle for each (handle, name): the handle where one is given, else one made of the name and not in use."""
    made = [handle or slugify(name, allow_unicode=True)[: MAX_NAME_LENGTH - ROOM_FOR_SUFFIX] for handle, name in wanted]
    taken = {handle for handle, _ in wanted if handle}
    taken |= set(Product.objects.filter(handle__in=made).values_list("handle", flat=True))
    handles = []
    for (given, _), handle in zip(wanted, made, strict=True):
        free = handle or "product"
        if not given:
            while free in taken or not handle:
                free, handle = f"{handle or 'product'}-{secrets.token_hex(3)}", handle or "product"
        taken.add(free)
        handles.append(free)
    return handles
