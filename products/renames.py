"""Callbacks in the transaction that renames SKUs, for other apps that store or publish data by SKU.

An event of the feed comes too late: those apps record their own events under the new SKU in the same transaction.
"""

from collections.abc import Callable, Sequence

_handlers: list[Callable[[Sequence[int]], None]] = []


def receive_renames(handler: Callable[[Sequence[int]], None]) -> None:
    """Registers `handler`, which is called with the ids of renamed variants in the same transaction."""
    if handler not in _handlers:
        _handlers.append(handler)


def variants_renamed(variant_ids: Sequence[int]) -> None:
    """Calls the registered handlers."""
    for handler in _handlers:
        handler(variant_ids)
