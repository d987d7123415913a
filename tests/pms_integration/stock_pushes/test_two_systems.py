"""Two live systems come to the same figures at rest, whatever is late, lost, doubled or reordered on the way."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms_backend.operations.audit import find_mismatches
from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.models import PMSConnection
from tests.factories import make_connection, make_location, make_product
from tests.pms_integration.stock_pushes.two_systems import PLACES, OtherSide, Pair

pytestmark = pytest.mark.django_db(transaction=True)

PLACE = st.sampled_from(PLACES)
DELTA = st.integers(-5, 9).filter(bool)
RARELY = st.sampled_from([False, False, False, True])
STEP = st.one_of(
    st.tuples(st.just("there"), PLACE, DELTA, st.booleans(), RARELY),
    st.tuples(st.just("here"), PLACE, DELTA),
    st.tuples(st.just("count"), PLACE, st.integers(0, 60)),
    st.tuples(st.just("relay")),
    st.tuples(st.just("push"), st.sampled_from(["", "", "before", "after"])),
    st.tuples(st.just("deliver"), st.integers(0, 9), RARELY),
    st.tuples(st.just("deliver all")),
    st.tuples(st.just("pull")),
)


@contextmanager
def pair() -> Iterator[Pair]:
    """Two systems that agree on the stock of a new SKU."""
    slug = f"c-{uuid.uuid4().hex[:8]}"
    other = OtherSide(f"S-{slug}", opening=50)
    make_product(other.sku)
    pms = make_connection(slug)
    for place in PLACES:
        location = make_location(f"{place}-{slug}")
        services.map_location(connection=pms, location=location, external_id=place, owns_stock=place == "annex")
    PMSConnection.objects.filter(pk=pms.pk).update(base_url="http://pms.example")
    pms.refresh_from_db()
    with patch.dict(CONNECTORS, {"standard": other}):
        both = Pair(pms, other)
        both.begin()
        yield both
        PMSConnection.objects.filter(pk=pms.pk).update(is_active=False)


def play(both: Pair, steps: list[Any]) -> None:
    for step in steps:
        match step:
            case "there", place, delta, as_figure, is_lost:
                # Only an owner's figures count.
                both.move_there(place, delta, as_figure=as_figure and place == "annex", is_lost=is_lost)
            case "here", place, delta:
                both.move_here(place, delta)
            case "count", place, on_hand:
                both.count_here(place, on_hand)
            case ("relay",):
                both.relay()
            case "push", fault:
                both.push(fault)
            case "deliver", index, keeps:
                both.deliver(index, keeps=keeps)
            case ("deliver all",):
                both.deliver_all()
            case ("pull",):
                both.pull()


@pytest.mark.parametrize("examples", [25, pytest.param(400, marks=pytest.mark.slow)])
def test_at_rest_both_hold_the_same_and_the_shelf_too(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(steps=st.lists(STEP, max_size=14))
    def check(steps: list[Any]) -> None:
        with pair() as both:
            play(both, steps)
            both.come_to_rest()

            for place in PLACES:
                if place == "annex" or place not in both.other.lost:
                    assert both.here(place) == both.there(place), place
                if place not in both.other.lost:
                    assert both.here(place) == both.shelf[place], place
            assert find_mismatches() == []

    check()
