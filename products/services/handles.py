"""Handles that products may have."""

import secrets
from collections.abc import Sequence

from products.exceptions import InvalidHandle
from products.handles import clean_handle, handle_of_name
from products.models import MAX_NAME_LENGTH, Product

ROOM_FOR_SUFFIX = 8


def require_handle(text: str) -> str:
    """The handle as it is kept. Raises `InvalidHandle`."""
    handle = clean_handle(text)
    if not 1 <= len(handle) <= MAX_NAME_LENGTH:
        raise InvalidHandle(f"A handle has 1 to {MAX_NAME_LENGTH} letters, digits, marks and hyphens.")
    return handle


def free_handles(wanted: Sequence[tuple[str, str]]) -> list[str]:
    """A handle for each (handle, name): the handle where one is given, else one made of the name and not in use."""
    made = [handle or handle_of_name(name)[: MAX_NAME_LENGTH - ROOM_FOR_SUFFIX] for handle, name in wanted]
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
