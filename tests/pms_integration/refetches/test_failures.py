"""What could not be asked for, or not be applied: it is tried again, waits, or is given up with an error in the log."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from inventory.models import StockLevel
from pms_backend.outbound.circuit import OPENS_AFTER, CircuitStatus
from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import Resource
from pms_integration.connectors.standard import StandardConnector, StandardWebhooks
from pms_integration.models import PMSConnection, PMSRefetch
from pms_integration.services import pms_client
from pms_integration.services.retries import MAX_CALL_FAILURES, RETRY_DELAYS
from products.models import Product
from tests.factories import make_product
from tests.outbound.servers import hanging_up
from tests.pms_integration.outgoing.calling import answering
from tests.pms_integration.refetches.asking import Shop, failures, make_due, request, seconds_until_due
from tests.pms_integration.reports import product

pytestmark = pytest.mark.django_db

LAST = len(RETRY_DELAYS)
MOVEMENTS = "ALTER TABLE inventory_stockmovement"


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


def stocked(shop: Shop, *skus: str) -> None:
    for number, sku in enumerate(skus, start=1):
        make_product(sku)
        shop.put(sku, number)


def on_hand() -> dict[str, int]:
    return dict(StockLevel.objects.values_list("variant__sku", "on_hand"))


@pytest.mark.parametrize("respond", [answering({}, 500), answering({}, 429), answering({}), hanging_up])
def test_a_call_that_fails_is_made_again_within_half_a_minute_however_often(shop: Shop, pms: PMSConnection, respond):
    stocked(shop, "A-1")
    shop.answers["A-1"] = respond
    request(pms, "A-1")

    for failed in range(1, MAX_CALL_FAILURES + 3):
        PMSConnection.objects.update(circuit="closed", failures=0, next_try_at=None)
        assert services.ask_due_refetches() == 1
        assert failures() == {"A-1": min(failed, MAX_CALL_FAILURES)}
        assert 0 < seconds_until_due()["A-1"] <= 30
        make_due()

    shop.answers.clear()
    services.ask_due_refetches()
    assert (on_hand(), failures()) == ({"A-1": 1}, {})


def test_a_refusal_after_an_outage_still_has_attempts_left():
    assert MAX_CALL_FAILURES < LAST


def test_while_the_circuit_is_open_nothing_is_leased_and_no_failure_counted(
    shop: Shop, pms: PMSConnection, django_assert_num_queries
):
    stocked(shop, "A-1")
    request(pms, "A-1")
    wait = timedelta(seconds=30)
    PMSConnection.objects.update(circuit=CircuitStatus.OPEN, failures=OPENS_AFTER, next_try_at=timezone.now() + wait)

    with django_assert_num_queries(1):
        assert services.ask_due_refetches() == 0
    assert (shop.asked, failures()) == ([], {"A-1": 0})

    PMSConnection.objects.update(next_try_at=timezone.now())
    assert services.ask_due_refetches() == 1
    assert (on_hand(), failures()) == ({"A-1": 1}, {})


def test_all_wait_as_long_as_the_pms_asks_for(shop: Shop, pms: PMSConnection):
    stocked(shop, "A-1", "B-1")
    shop.answers["A-1"] = answering({}, 503, Retry_After="20")
    request(pms, "A-1")

    services.ask_due_refetches()
    request(pms, "B-1")
    assert services.ask_due_refetches() == 0

    assert failures() == {"A-1": 1, "B-1": 0}
    assert 10 < seconds_until_due()["A-1"] <= 20
    PMSConnection.objects.update(next_try_at=timezone.now())
    services.ask_due_refetches()
    assert failures() == {"A-1": 1}


def test_when_the_rate_budget_is_exhausted_all_are_put_off_without_a_failure(
    shop: Shop, pms: PMSConnection, monkeypatch: pytest.MonkeyPatch
):
    pms_client.close_clients()
    monkeypatch.setattr(pms_client, "BURST", 1)
    monkeypatch.setattr(pms_client, "CALLS_PER_SECOND", 0.01)
    request(pms, *map(str, range(5)), resource=Resource.PRODUCT)
    request(pms, "later", due_at=timezone.now() + timedelta(hours=1))

    assert services.ask_due_refetches() == 2

    assert len(shop.asked) == 1
    later = seconds_until_due()
    assert 3_590 < later.pop("later") <= 3_600
    assert len(later) == 4
    assert all(90 < seconds <= 100 for seconds in later.values())
    assert set(failures().values()) == {0}
    assert not PMSRefetch.objects.filter(leased_until__isnull=False).exists()


@pytest.mark.parametrize("change", [{"is_active": False}, {"base_url": None}])
def test_a_connection_that_may_not_be_called_waits(shop: Shop, pms: PMSConnection, change):
    stocked(shop, "A-1")
    request(pms, "A-1")
    PMSConnection.objects.update(**change)

    assert services.ask_due_refetches() == 0
    assert (shop.asked, failures()) == ([], {"A-1": 0})

    PMSConnection.objects.update(is_active=True, base_url=pms.base_url)
    assert services.ask_due_refetches() == 1
    assert (on_hand(), failures()) == ({"A-1": 1}, {})


def test_a_kind_without_a_connector_waits_for_it(shop: Shop, pms: PMSConnection):
    request(pms, "A-1")
    PMSConnection.objects.update(kind="gone")

    services.ask_due_refetches()

    assert failures() == {"A-1": 0}
    assert 290 < seconds_until_due()["A-1"] <= 300


def test_a_kind_that_cannot_be_called_is_refused(shop: Shop, pms: PMSConnection, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(CONNECTORS, "standard", StandardWebhooks())
    request(pms, "A-1")

    services.ask_due_refetches()

    assert failures() == {"A-1": 1}


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_tried_again_and_given_up_at_last(shop: Shop, pms: PMSConnection, status: int, caplog):
    shop.answers["7"] = answering({"detail": "No."}, status)
    request(pms, "7", resource=Resource.PRODUCT)

    for failed, delay in enumerate(RETRY_DELAYS, start=1):
        services.ask_due_refetches()
        assert failures() == {"7": failed}
        least = delay.total_seconds()
        assert least - 1 < seconds_until_due()["7"] <= least * 1.2
        make_due()
    assert errors(caplog) == []
    services.ask_due_refetches()

    assert not PMSRefetch.objects.exists()
    assert errors(caplog) == [
        f'The product 7 of the PMS demo is not asked for any more: The PMS answered {status}: {{"detail": "No."}}'
    ]
    assert len(shop.asked) == LAST + 1


def test_one_name_that_is_refused_does_not_stop_those_that_are_asked_with_it(shop: Shop, pms: PMSConnection):
    stocked(shop, "A-1", "B-1", "C-1")
    shop.answers["B-1"] = answering({"detail": "No."}, 400)
    request(pms, "A-1", "B-1", "C-1")

    assert services.ask_due_refetches() == 3
    assert failures() == {"A-1": 1, "B-1": 1, "C-1": 1}
    make_due()
    assert services.ask_due_refetches() == 3

    assert [sorted(names) for names in shop.asked] == [["A-1", "B-1", "C-1"], ["A-1"], ["B-1"], ["C-1"]]
    assert (on_hand(), failures()) == ({"A-1": 1, "C-1": 3}, {"B-1": 2})


def test_unusable_data_is_tried_again_and_given_up_at_last(shop: Shop, pms: PMSConnection, caplog):
    shop.products["7"] = product("7", 3, variants=[{"sku": "A-1", "price": "-1.00"}])
    request(pms, "7", resource=Resource.PRODUCT)

    services.ask_due_refetches()
    assert failures() == {"7": 1}
    PMSRefetch.objects.update(failures=LAST)
    make_due()
    services.ask_due_refetches()

    assert not PMSRefetch.objects.exists()
    [error] = errors(caplog)
    assert error.startswith("The product 7 of the PMS demo is not asked for any more: data is not valid. /variants/0/")
    assert not Product.objects.exists()


def test_an_unusable_figure_and_an_unknown_location_cost_themselves_only(shop: Shop, pms: PMSConnection):
    stocked(shop, "A-1", "B-1", "C-1")
    shop.put("B-1", 5 * 10**9)
    shop.put("C-1", 6, location="moon")
    request(pms, "A-1", "B-1", "C-1")

    services.ask_due_refetches()

    # The figure of the known location counts.
    assert on_hand() == {"A-1": 1, "C-1": 3}
    assert failures() == {"B-1": 1, "C-1": 1}


def test_what_could_not_be_used_at_first_takes_effect_once_it_can(shop: Shop, pms: PMSConnection):
    stocked(shop, "A-1")
    shop.put("A-1", 6, location="moon")
    request(pms, "A-1")
    services.ask_due_refetches()

    shop.stock["A-1"] = []
    shop.put("A-1", 4, version=2, minute=0)
    make_due()
    services.ask_due_refetches()

    assert (on_hand(), failures()) == ({"A-1": 4}, {})


def test_a_connector_that_is_broken_is_an_error_of_ours(
    shop: Shop, pms: PMSConnection, monkeypatch: pytest.MonkeyPatch, caplog
):
    stocked(shop, "A-1")
    request(pms, "A-1")
    with monkeypatch.context() as broken:
        broken.setattr(StandardConnector, "get_stock", lambda *_: 1 // 0)
        services.ask_due_refetches()

    assert failures() == {"A-1": 1}
    [error] = errors(caplog)
    assert error == "The answer of the PMS demo about A-1 could not be applied"
    make_due()
    services.ask_due_refetches()
    assert (on_hand(), failures()) == ({"A-1": 1}, {})


@pytest.fixture
def refuses_one() -> Iterator[None]:
    """A rule that one movement breaks."""
    with database.cursor() as cursor:
        cursor.execute(f"{MOVEMENTS} ADD CONSTRAINT refuses_one CHECK (delta <> 2) NOT VALID")
    yield
    with database.cursor() as cursor:
        cursor.execute(f"{MOVEMENTS} DROP CONSTRAINT refuses_one")


@pytest.mark.django_db(transaction=True)
def test_one_that_cannot_be_applied_costs_itself_only(shop: Shop, pms: PMSConnection, refuses_one: None, caplog):
    stocked(shop, "A-1", "B-1", "C-1")
    request(pms, "A-1", "B-1", "C-1")

    services.ask_due_refetches()

    assert len(shop.asked) == 1
    assert (on_hand(), failures()) == ({"A-1": 1, "C-1": 3}, {"B-1": 1})
    assert errors(caplog) == ["The answer of the PMS demo about B-1 could not be applied"]
    PMSRefetch.objects.update(failures=LAST)
    make_due()
    services.ask_due_refetches()
    assert (on_hand(), failures()) == ({"A-1": 1, "C-1": 3}, {})
    assert "refuses_one" in errors(caplog)[-1]
