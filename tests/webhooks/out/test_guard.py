"""The guard checks each connection to a subscriber, whatever its URL was when it was given."""

import pytest

from tests.outbound.servers import LocalServer, Names
from tests.webhooks.out.delivering import make_endpoint, publish, read, send_all, statuses
from webhooks.models import DeliveryAttempt
from webhooks.services import check_endpoint_url

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def allowed(settings) -> None:
    """Nothing but what is public."""
    settings.OUTBOUND_ALLOW = []


def errors() -> list[str]:
    assert set(DeliveryAttempt.objects.values_list("status", flat=True)) == {None}
    return list(DeliveryAttempt.objects.values_list("error", flat=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "169.254.169.254", "[::ffff:10.0.0.1]", "127.1"])
def test_an_address_that_is_not_public_is_never_called(subscriber: LocalServer, host: str):
    endpoint = make_endpoint(f"http://{host}:{subscriber.port}/")
    publish("a")
    send_all()

    assert subscriber.received == []
    assert len(errors()) == 1
    assert (statuses(endpoint), read(endpoint).failures) == (["pending"], 1)


def test_a_name_that_leads_inside_after_it_was_checked_is_not_called(subscriber: LocalServer, names: Names):
    names.set("rebinding.example", ["93.184.216.34"], ["127.0.0.1"])
    url = check_endpoint_url(f"http://rebinding.example:{subscriber.port}/")

    make_endpoint(url)
    publish("a")
    send_all()

    assert subscriber.received == []
    [error] = errors()
    assert "not public" in error
    assert len(names.asked) == 2


def test_a_name_with_one_inner_address_is_not_called(subscriber: LocalServer, names: Names):
    names.set("mixed.example", ["93.184.216.34", "127.0.0.1"])
    make_endpoint(f"http://mixed.example:{subscriber.port}/")
    publish("a")
    send_all()

    assert subscriber.received == []
    assert len(errors()) == 1


def test_what_is_allowed_by_name_is_called(subscriber: LocalServer, names: Names, settings):
    settings.OUTBOUND_ALLOW = ["inside.example"]
    names.set("inside.example", ["127.0.0.1"])
    endpoint = make_endpoint(f"http://inside.example:{subscriber.port}/")
    publish("a")
    send_all()

    assert statuses(endpoint) == ["delivered"]
