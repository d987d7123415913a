"""A process remembers connections; a change of one takes effect with the next webhook in every process."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.test import Client
from django_redis import get_redis_connection

from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.standard import StandardConnector
from pms_integration.models import PMSConnection, PMSEvent
from pms_integration.services import receiving
from pms_integration.services.wake_up import apply_wake_up
from tests.factories import make_connection
from tests.waiting import wait_until
from tests.webhooks.test_inbound import BODY, post

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture
def pms() -> Iterator[PMSConnection]:
    """A connection that this process remembers."""
    connection = make_connection("demo")
    assert post(BODY, connection.secret, webhook_id="before").status_code == 202
    yield connection
    receiving._remembered.clear()


def deactivate() -> None:
    PMSConnection.objects.update(is_active=False)


def rename() -> None:
    PMSConnection.objects.update(slug="renamed")


def replace() -> None:
    """The slug is now another connection's."""
    rename()
    make_connection("demo")


def rotate_twice() -> None:
    for _ in range(2):
        services.rotate_secret(connection_id=PMSConnection.objects.get().pk)


CHANGES: list[tuple[Callable[[], None], int]] = [(deactivate, 404), (rename, 404), (replace, 401), (rotate_twice, 401)]


class Changing(StandardConnector):
    """Changes the connection between the check of the signature and the INSERT."""

    def __init__(self, change: Callable[[], None]) -> None:
        self.changes = [change]

    def type_of(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> str:
        while self.changes:
            self.changes.pop()()
        return super().type_of(headers, body)


@pytest.mark.parametrize(("change", "status"), CHANGES)
def test_what_is_no_longer_good_is_refused_at_once(pms: PMSConnection, change: Callable[[], None], status: int) -> None:
    change()

    assert post(BODY, pms.secret).status_code == status
    assert post(b"no JSON", pms.secret).status_code == status
    assert PMSEvent.objects.get().webhook_id == "before"


@pytest.mark.parametrize(("change", "status"), CHANGES)
def test_so_it_is_while_the_webhook_is_being_verified(
    pms: PMSConnection, change: Callable[[], None], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONNECTORS, "standard", Changing(change))

    assert post(BODY, pms.secret).status_code == status
    assert PMSEvent.objects.get().webhook_id == "before"


def test_what_is_good_from_now_on_is_accepted_at_once(pms: PMSConnection) -> None:
    secret = services.rotate_secret(connection_id=pms.pk)
    assert post(BODY, secret, webhook_id="m-1").status_code == 202

    replace()
    other = PMSConnection.objects.get(slug="demo")
    assert post(BODY, other.secret, webhook_id="m-1").status_code == 202
    assert post(BODY, secret, webhook_id="m-1", slug="renamed").json()["duplicate"]
    assert set(PMSEvent.objects.values_list("webhook_id", "connection")) == {
        ("before", pms.pk),
        ("m-1", pms.pk),
        ("m-1", other.pk),
    }


def test_a_webhook_is_one_statement_and_after_a_change_it_is_three(
    pms: PMSConnection, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        assert post(BODY, pms.secret, webhook_id="m-1").status_code == 202
    PMSConnection.objects.update(name="Another")
    with django_assert_num_queries(3):
        assert post(BODY, pms.secret, webhook_id="m-2").status_code == 202


def test_as_many_are_remembered_as_the_limit_says(pms: PMSConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "MAX_REMEMBERED_CONNECTIONS", 2)

    for number in range(5):
        assert post(BODY, make_connection(f"c-{number}").secret, slug=f"c-{number}").status_code == 202
        assert len(receiving._remembered) <= 2


def test_names_that_do_not_exist_are_not_remembered() -> None:
    receiving._remembered.clear()
    for number in range(5):
        Client().post(f"/api/v1/webhooks/pms/nobody-{number}/", b"{}", content_type="application/json")

    assert receiving._remembered == {}


def test_the_worker_is_woken(pms: PMSConnection) -> None:
    redis = get_redis_connection("default")
    apply_wake_up.acknowledge()
    assert post(BODY, pms.secret).status_code == 202

    wait_until(lambda: redis.exists(f"pms:wake-up:{apply_wake_up.task}") == 1, "the wake-up is sent", seconds=10)
