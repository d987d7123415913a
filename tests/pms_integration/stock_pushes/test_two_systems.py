"""Two live systems come to the same figures at rest, whatever is late, lost, doubled or reordered on the way."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms_backend.operations.audit import find_mismatches
from pms_integration.models import StockOwner
from tests.pms_integration.stock_pushes.two_systems import PLACES, pair

pytestmark = pytest.mark.django_db(transaction=True)

PLACE = st.sampled_from(PLACES)
DELTA = st.integers(-5, 9).filter(bool)
RARELY = st.sampled_from([False, False, False, True])


def step(name: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """A call of a method of `Pair`."""
    return st.tuples(st.just(name), st.fixed_dictionaries(arguments))


OWNER = st.sampled_from(StockOwner)
STEP = st.one_of(
    step("move_there", place=PLACE, delta=DELTA, as_figure=st.booleans(), is_lost=RARELY),
    step("move_here", place=PLACE, delta=DELTA),
    step("count_here", place=PLACE, on_hand=st.integers(0, 60)),
    step("relay"),
    step("push", fault=st.sampled_from(["", "", "before", "after"])),
    step("deliver", index=st.integers(0, 9), keeps=RARELY),
    step("deliver_all"),
    step("change_owner", place=PLACE, owner=OWNER, opening=OWNER, arrives=st.booleans()),
    step("pull"),
    step("learn_clock"),
)
# How far the PMS's clock is ahead.
SKEW = st.sampled_from([0.0, 0.0, -4.0, -0.5, 2.0, 4.0]).map(lambda seconds: timedelta(seconds=seconds))


@pytest.mark.parametrize("examples", [25, pytest.param(400, marks=pytest.mark.slow)])
def test_at_rest_both_hold_the_same_and_the_shelf_too(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(steps=st.lists(STEP, max_size=14), skew=SKEW, knows_clock=st.booleans())
    def check(steps: list[tuple[str, dict[str, Any]]], skew: timedelta, knows_clock: bool) -> None:
        with pair(f"c-{uuid.uuid4().hex[:8]}", skew=skew, knows_clock=knows_clock) as both:
            for name, arguments in steps:
                getattr(both, name)(**arguments)
            both.come_to_rest()

            for place in PLACES:
                is_told = place not in both.other.lost
                if place in both.owned or is_told:
                    assert both.here(place) == both.there(place), place
                # Of what was sold and what was counted first, a wrong clock says the wrong thing.
                if is_told and place not in both.adopted and (knows_clock or not skew):
                    assert both.here(place) == both.shelf[place], place
            assert find_mismatches() == []

    check()
