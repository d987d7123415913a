"""Work on many rows in batches, each a transaction of its own, so that none holds locks for long."""

import sys
from collections.abc import Callable
from typing import Final

PRUNE_BATCH_SIZE: Final = 5_000
# One run prunes no more batches, so that a backlog does not delay the other upkeep tasks.
MAX_PRUNE_BATCHES: Final = 20


def run_batches(run_batch: Callable[[], int], *, max_batches: int = sys.maxsize) -> int:
    """Repeats `run_batch`, which returns how many rows it handled, until it finds none; returns the sum."""
    total = 0
    for _ in range(max_batches):
        count = run_batch()
        if not count:
            break
        total += count
    return total


def prune(prune_batch: Callable[[], int]) -> int:
    """Runs at most `MAX_PRUNE_BATCHES` batches of a prune; returns how many rows it removed."""
    return run_batches(prune_batch, max_batches=MAX_PRUNE_BATCHES)
