"""A clock that is wrong, in every moment and every `Date`."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from tests.pms_integration.simulator.calling import SimulatorHere, adjustment, product

DAY = timedelta(days=1)


def is_a_day_ahead(moment: datetime) -> bool:
    return timedelta(hours=23) < moment - datetime.now(UTC) < timedelta(hours=25)


def test_dates_and_moments_are_those_of_a_wrong_clock(start):
    pms: SimulatorHere = start(skew_seconds=DAY.total_seconds())

    made = pms.create(product())
    (result,) = pms.adjust(adjustment("k1"))

    for response in (pms.http.get("/"), pms.http.get("/nowhere"), pms.http.post("/products", content=b"{")):
        assert is_a_day_ahead(parsedate_to_datetime(response.headers["Date"]))
    assert is_a_day_ahead(datetime.fromisoformat(made["updated_at"]))
    assert is_a_day_ahead(datetime.fromisoformat(result["occurred_at"]))


def test_a_fault_has_the_date_of_the_wrong_clock_too(start):
    pms: SimulatorHere = start(skew_seconds=DAY.total_seconds(), faults={"503": 1})

    response = pms.http.get("/")

    assert response.status_code == 503
    assert is_a_day_ahead(parsedate_to_datetime(response.headers["Date"]))


def test_a_clock_that_is_put_back_does_not_disturb_the_order_of_a_level(start):
    pms: SimulatorHere = start(skew_seconds=DAY.total_seconds())
    pms.create(product())
    (before,) = pms.adjust(adjustment("k1"))

    pms.control("clock", {"skew_seconds": -60})
    (after,) = pms.adjust(adjustment("k2"))

    assert after["occurred_at"] > before["occurred_at"]
    assert parsedate_to_datetime(pms.http.get("/").headers["Date"]) < datetime.now(UTC)
