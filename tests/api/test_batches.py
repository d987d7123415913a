"""Running batches until none is left."""

from collections.abc import Callable

import pytest

from pms_backend.api import batches


def batches_of(*counts: int) -> Callable[[], int]:
    left = [*counts]
    return lambda: left.pop(0)


def test_batches_run_until_one_finds_nothing():
    assert batches.run_batches(batches_of(2, 2, 1, 0, 9)) == 5


def test_a_prune_stops_after_its_maximum_of_batches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "MAX_PRUNE_BATCHES", 2)

    assert batches.prune(batches_of(2, 2, 2, 0)) == 4
