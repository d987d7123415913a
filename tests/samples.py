"""The values of metrics, and by how much they rise."""

from collections.abc import Iterator
from contextlib import contextmanager

from pms_backend.metrics.reading import Labels, totals


@contextmanager
def rises(sample: str) -> Iterator[dict[Labels, float]]:
    """By how much the series of this sample rise within the block; filled at its end, without those that do not."""
    before, found = totals([sample])[sample], {}
    yield found
    for labels, value in totals([sample])[sample].items():
        if value != before.get(labels, 0):
            found[labels] = value - before.get(labels, 0)


def labels(**values: str) -> Labels:
    """The labels of a sample, as `rises` has them."""
    return tuple(sorted(values.items()))
