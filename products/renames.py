"""Renamed SKUs: what knows variants by their SKU takes part in the transaction that renames them.

The feed is too late for it: what is announced under the new name has to be announced with the renaming.
"""

from collections.abc import Callable, Sequence

_handlers: list[Callable[[Sequence[int]], None]] = []


def join_renames(handler: Callable[[Sequence[int]], None]) -> None:
    """Has `handler` called with the ids of variants, within the transaction, right after their SKUs have changed."""
    if handler not in _handlers:
        _handlers.append(handler)


def variants_renamed(variant_ids: Sequence[int]) -> None:
    """Calls those that have joined."""
    for handler in _handlers:
        handler(variant_ids)
