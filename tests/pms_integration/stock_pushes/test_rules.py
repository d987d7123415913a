"""The rules of stock that a PMS owns and is told of our changes, one at a time (DESIGN §5)."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from inventory import services as inventory
from inventory.models import StockMovement
from pms_backend.operations.audit import find_mismatches
from pms_integration.models import PMSConnection, PMSEvent, PMSStockPush, StockOwner
from tests.factories import make_product
from tests.pms_integration.stock_pushes.two_systems import PLACES, Pair, pair

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def both() -> Iterator[Pair]:
    """Both sides have 50 at both places."""
    with pair("shop") as systems:
        yield systems
        systems.come_to_rest()
        assert systems.here("annex") == systems.there("annex")
        assert find_mismatches() == []


def moved(both: Pair, place: str = "annex") -> list[tuple[str, int]]:
    """The reasons and changes after the opening."""
    found = StockMovement.objects.filter(level__location__code=both.code(place)).order_by("level_version")
    return list(found.values_list("reason", "delta"))[1:]


def test_a_figure_does_not_undo_a_sale_that_is_on_its_way(both: Pair) -> None:
    both.move_here("annex", -1)
    both.relay()
    both.push("before")
    both.move_there("annex", 7, as_figure=True)

    both.deliver(0)

    assert both.here("annex") == 50 - 1 + 7


def test_nor_a_sale_that_is_not_recorded_as_a_push_yet(both: Pair) -> None:
    both.move_here("annex", -1)
    both.move_there("annex", 7, as_figure=True)

    both.deliver(0)

    assert (both.here("annex"), PMSStockPush.objects.count()) == (50 - 1 + 7, 0)


def test_a_figure_includes_a_sale_of_ours_as_soon_as_the_acknowledgement_says_so(both: Pair) -> None:
    both.move_here("annex", -1)
    both.relay()
    both.push("after")
    both.move_there("annex", 5, as_figure=True)
    both.deliver(1)
    assert both.here("annex") == 50 - 1 + 5 - 1, "the figure has the sale, but nothing says so yet"

    both.deliver(0)

    assert both.here("annex") == both.there("annex") == 50 - 1 + 5
    assert moved(both) == [("damage", -1), ("count", 4), ("count", 1)]


def test_a_sale_of_ours_that_the_pms_applied_after_its_figure_stays_on_top(both: Pair) -> None:
    both.move_there("annex", 5, as_figure=True)
    both.move_here("annex", -1)
    both.relay()
    both.push()

    both.deliver(0)

    assert both.here("annex") == both.there("annex") == 50 + 5 - 1


@pytest.mark.parametrize("place", ["annex", "outlet"])
def test_a_sale_from_before_a_count_leaves_the_counted_figure(both: Pair, place: str) -> None:
    both.move_there(place, -2)
    both.count_here(place, 40)
    both.relay()
    both.push()

    both.deliver(0)
    both.come_to_rest()

    assert both.here(place) == both.there(place) == 40
    assert ("sale", -2) in moved(both, place)
    assert moved(both, place)[-1] == ("count", 2)


def test_a_sale_from_before_a_count_that_a_later_figure_has_is_counted_again(both: Pair) -> None:
    both.move_there("annex", -2)
    both.count_here("annex", 40)
    both.relay()
    both.push()
    both.move_there("annex", 3, as_figure=True)
    both.deliver(2)
    assert both.here("annex") == 41, "the PMS has the sale twice: in its figure, and in what was counted"

    both.deliver(0)
    both.come_to_rest()

    assert both.here("annex") == both.there("annex") == 43


def test_a_figure_from_before_a_count_leaves_the_counted_figure(both: Pair) -> None:
    both.move_there("annex", 1, as_figure=True)
    both.count_here("annex", 0)
    both.come_to_rest()

    assert both.here("annex") == both.there("annex") == 0


def test_an_older_figure_does_not_undo_a_newer_one(both: Pair) -> None:
    both.move_there("annex", 9, as_figure=True)
    both.move_there("annex", -4, as_figure=True)

    both.deliver(1)
    both.deliver(0)

    assert both.here("annex") == 55


def test_a_webhook_that_comes_twice_acts_once(both: Pair) -> None:
    both.move_there("outlet", -2)

    both.deliver(0, keeps=True)
    both.deliver(0)

    assert both.here("outlet") == both.there("outlet") == 48


def test_a_figure_for_comparison_changes_nothing_where_the_stock_is_ours(both: Pair) -> None:
    both.other.move("outlet", 9, is_lost=True)

    both.pull()

    assert (both.here("outlet"), both.there("outlet")) == (50, 59)


def test_a_count_that_opens_a_level_before_the_first_figure_stays(both: Pair) -> None:
    both.other.sku = f"{both.other.sku}-new"
    make_product(both.other.sku)
    inventory.count_stock(sku=both.other.sku, location=both.code("annex"), on_hand=60)
    both.relay()
    both.pull()
    assert both.here("annex") == 60

    both.come_to_rest()

    assert both.here("annex") == both.there("annex") == 60


def gives_back(both: Pair) -> None:
    """The stock of the annex is ours from now on, as it is."""
    both.change_owner("annex", StockOwner.LOCAL, StockOwner.LOCAL, arrives=False)


def takes_again(both: Pair) -> None:
    """The stock of the annex is ours for a while, in which the PMS tells a figure for comparison."""
    gives_back(both)
    both.move_there("annex", 1)
    both.pull()
    both.deliver(len(both.other.post) - 1)
    both.change_owner("annex", StockOwner.PMS, StockOwner.LOCAL, arrives=False)


@pytest.mark.parametrize(("change", "more"), [(gives_back, 0), (takes_again, 1)])
def test_a_change_that_an_applied_figure_has_is_superseded_whoever_is_the_owner_then(
    both: Pair, change: Callable[[Pair], None], more: int
) -> None:
    both.move_there("annex", -2)
    both.move_there("annex", 5, as_figure=True)
    both.deliver(1)

    change(both)
    both.deliver(0)

    assert both.here("annex") == both.there("annex") == 50 - 2 + 5 + more
    assert PMSEvent.objects.latest("processed_at").reason == "superseded"


def test_a_sale_of_ours_that_an_applied_figure_has_is_taken_out_whoever_is_the_owner_then(both: Pair) -> None:
    both.move_here("annex", -1)
    both.relay()
    both.push("after")
    both.move_there("annex", 5, as_figure=True)
    both.deliver(1)

    gives_back(both)
    both.deliver(0)

    assert both.here("annex") == both.there("annex") == 50 - 1 + 5


def test_a_figure_of_a_time_when_the_stock_is_ours_supersedes_nothing(both: Pair) -> None:
    gives_back(both)
    both.move_there("annex", -2)
    both.pull()

    both.deliver(0)

    assert both.here("annex") == both.there("annex") == 48


def test_a_figure_of_that_time_that_comes_again_to_its_owner_counts(both: Pair) -> None:
    gives_back(both)
    both.move_there("annex", -2, is_lost=True)
    both.pull()
    both.change_owner("annex", StockOwner.PMS, StockOwner.LOCAL)
    assert both.here("annex") == 50

    both.pull()

    assert both.here("annex") == both.there("annex") == 48


@pytest.mark.parametrize("owner", StockOwner)
def test_quantities_of_the_pms_have_the_changes_before_their_figures(both: Pair, owner: StockOwner) -> None:
    both.move_there("outlet", -2)
    both.pull()
    both.change_owner("outlet", owner, StockOwner.PMS, arrives=False)
    assert both.here("outlet") == 48

    both.deliver(0)

    assert both.here("outlet") == both.there("outlet") == 48


SKEWS = [timedelta(seconds=-4), timedelta(seconds=2)]


@pytest.fixture(params=SKEWS, ids=["behind", "ahead"])
def skewed(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """The clock of the PMS is wrong, and we know by how much."""
    with pair("skew", skew=request.param) as systems:
        yield systems
        systems.come_to_rest()
        assert [systems.here(place) for place in PLACES] == [systems.there(place) for place in PLACES]
        assert find_mismatches() == []


@pytest.mark.parametrize("place", PLACES)
def test_a_sale_there_before_a_count_and_one_after_it_by_a_wrong_clock(skewed: Pair, place: str) -> None:
    skewed.move_there(place, -2)
    skewed.count_here(place, 40)
    skewed.move_there(place, -3)

    skewed.deliver(1)
    assert skewed.here(place) == 37
    skewed.deliver(0)

    assert skewed.here(place) == 37
    sale = StockMovement.objects.get(delta=-2)
    assert sale.reported_at == sale.occurred_at + skewed.other.skew
    assert sale.occurred_at < sale.level.counted_at < StockMovement.objects.get(delta=-3).occurred_at


@pytest.mark.parametrize("place", PLACES)
def test_a_count_after_a_sale_there_that_was_told_in_time(skewed: Pair, place: str) -> None:
    skewed.move_there(place, -2)
    skewed.deliver(0)

    skewed.count_here(place, 40)

    assert skewed.here(place) == 40


def test_a_figure_from_before_a_count_by_a_wrong_clock(skewed: Pair) -> None:
    skewed.move_there("annex", 1, as_figure=True)
    skewed.count_here("annex", 40)

    skewed.deliver(0)

    assert skewed.here("annex") == 40


def test_what_lay_there_before_the_first_figure_is_in_it_by_a_wrong_clock(skewed: Pair) -> None:
    skewed.other.sku = f"{skewed.other.sku}-new"
    make_product(skewed.other.sku)
    for place, found in (("annex", 5), ("outlet", 50)):
        inventory.adjust_stock(sku=skewed.other.sku, location=skewed.code(place), delta=found, reason="receipt")
    skewed.relay()
    skewed.move_there("annex", 10, as_figure=True)

    skewed.deliver(0)

    assert skewed.here("annex") == skewed.there("annex") == 60


@pytest.mark.parametrize("later", [timedelta(), timedelta(seconds=-60), timedelta(seconds=60)])
def test_a_clock_that_is_corrected_later_changes_nothing_that_is_stored(skewed: Pair, later: timedelta) -> None:
    skewed.move_there("annex", -2)
    skewed.move_there("annex", 4, as_figure=True)
    skewed.count_here("annex", 40)
    skewed.deliver(1)
    skewed.deliver(0)
    before = moved(skewed)

    PMSConnection.objects.update(clock_offset=later)
    skewed.pull()

    assert (skewed.here("annex"), moved(skewed)) == (40, before)
    skewed.relay()
    skewed.push()
    skewed.move_there("annex", 1, as_figure=True)
