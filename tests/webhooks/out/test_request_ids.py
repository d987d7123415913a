"""A delivery carries the id of the request that its event comes from, and says which one the subscriber gave it."""

import pytest

from pms_backend.api import context
from pms_backend.events.services import relay_pending
from tests.events.examples import happen
from tests.outbound.servers import LocalServer, saying
from tests.webhooks.out.delivering import make_endpoint, publish, send_all
from webhooks.models import DeliveryAttempt

pytestmark = pytest.mark.django_db(transaction=True)


def request_ids(subscriber: LocalServer) -> list[str | None]:
    return [request.headers.get("x-request-id") for request in subscriber.received]


def test_a_delivery_has_the_request_id_of_its_event(subscriber: LocalServer) -> None:
    make_endpoint(subscriber)
    with context.bind(actor="client:shop", request_id="r-1"):
        happen("a")
    relay_pending()

    with context.bind(request_id="the-task"):
        send_all()

    assert request_ids(subscriber) == ["r-1"]


@pytest.mark.parametrize(("task", "sent"), [("the-task", "the-task"), ("", None)])
def test_an_event_of_no_request_has_that_of_the_task(subscriber: LocalServer, task: str, sent: str | None) -> None:
    make_endpoint(subscriber)
    publish("a")

    with context.bind(request_id=task):
        send_all()

    assert request_ids(subscriber) == [sent]


def test_a_refusal_is_stored_with_the_request_id_of_the_answer(subscriber: LocalServer) -> None:
    subscriber.respond = saying(b"no", 400, X_Request_Id="theirs-7")
    make_endpoint(subscriber)
    publish("a")

    send_all()

    assert list(DeliveryAttempt.objects.values_list("status", "answer", "error")) == [
        (400, "no", "its request theirs-7")
    ]
