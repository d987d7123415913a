"""What subscribers receive, and what comes of their answers."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY

from pms_backend.events.models import Event
from pms_backend.events.services import relay_pending
from pms_backend.outbound.fetching import USER_AGENT
from tests.factories import make_product
from tests.outbound.servers import LocalServer, hanging_up, saying, send, serving
from tests.webhooks.out.delivering import (
    bodies,
    make_due,
    make_endpoint,
    publish,
    read,
    send_all,
    sequences,
    statuses,
    verified,
)
from webhooks import services
from webhooks.models import MAX_ANSWER_BYTES, Delivery, DeliveryAttempt
from webhooks.schedule import MAX_ATTEMPTS
from webhooks.services import posters
from webhooks.services.endpoints import PREVIOUS_SECRET_VALID_FOR
from webhooks.services.posters import BOUNDS
from webhooks.services.sending import NOT_STORED

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits less than a second for an answer."""
    bounds = posters.PostBounds(
        connections=BOUNDS.connections, max_answer_bytes=BOUNDS.max_answer_bytes, total_seconds=0.7
    )
    monkeypatch.setattr(posters, "BOUNDS", bounds)


@pytest.fixture
def other() -> Iterator[LocalServer]:
    """A second subscriber that answers 200."""
    with serving(saying(b""), keep_alive=True) as server:
        yield server


def attempts() -> list[tuple[int | None, str, str]]:
    return list(DeliveryAttempt.objects.values_list("status", "answer", "error"))


def test_an_event_is_sent_as_the_api_promises(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber, types=["product.*"])
    make_product("A-1")
    make_product("B-1")
    relay_pending()

    assert send_all() == 2

    first, second = sorted(subscriber.received, key=lambda one: bodies([one])[0]["sequence"])
    event = Event.objects.filter(type="product.created").latest("sequence")
    assert verified(endpoint.secret, second) == {
        "type": "product.created",
        "timestamp": event.occurred_at.isoformat().replace("+00:00", "Z"),
        "sequence": event.sequence,
        "previous_sequence": bodies([first])[0]["sequence"],
        "subject": event.subject,
        "data": event.data,
    }
    assert bodies([first])[0]["previous_sequence"] is None
    sent = {name: value for name, value in second.headers.items() if not name.startswith("webhook-")}
    assert sent == {
        "host": f"127.0.0.1:{subscriber.port}",
        "user-agent": USER_AGENT,
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(second.body)),
    }
    assert second.headers["webhook-id"] == event.public_id
    assert (second.method, second.path) == ("POST", "/hook/")
    assert set(Delivery.objects.values_list("status", "tries", "next_attempt_at")) == {("delivered", 1, None)}
    assert attempts() == [(200, "thanks", "")] * 2


def test_the_url_is_called_exactly_as_it_was_given(subscriber: LocalServer):
    path = "/a%2Fb/hook/?token=x%20y&empty=&q=ä&next=%2F"
    make_endpoint(f"http://127.0.0.1:{subscriber.port}{path}")
    publish("a")
    send_all()

    assert subscriber.paths == ["/a%2Fb/hook/?token=x%20y&empty=&q=%C3%A4&next=%2F"]


def test_extra_headers_are_sent_and_ours_stay(subscriber: LocalServer):
    make_endpoint(subscriber, headers={"Authorization": "Bearer x", "X-Shop": "north"})
    publish("a")
    send_all()

    [received] = subscriber.received
    assert (received.headers["authorization"], received.headers["x-shop"]) == ("Bearer x", "north")
    assert received.headers["content-type"] == "application/json"


def test_after_a_rotation_both_secrets_verify_for_a_day(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    new = services.rotate_secret(endpoint_id=endpoint.pk)
    publish("a")
    send_all()
    assert verified(endpoint.secret, subscriber.received[0]) == verified(new, subscriber.received[0])

    assert timedelta(hours=24) == PREVIOUS_SECRET_VALID_FOR
    rotated = read(endpoint)
    rotated.previous_secret_until = timezone.now()
    rotated.save()
    publish("b")
    send_all()

    assert verified(new, subscriber.received[1])["subject"] == "thing:b"
    with pytest.raises(Exception, match="No matching signature"):
        verified(endpoint.secret, subscriber.received[1])


def test_after_a_rotation_at_once_only_the_new_secret_verifies(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    new = services.rotate_secret(endpoint_id=endpoint.pk, at_once=True)
    publish("a")
    send_all()

    assert verified(new, subscriber.received[0])["subject"] == "thing:a"
    assert len(subscriber.received[0].headers["webhook-signature"].split()) == 1


def test_connections_are_kept_open(subscriber: LocalServer):
    make_endpoint(subscriber)
    for name in "abc":
        publish(name)
        send_all()

    assert [one.connection for one in subscriber.received] == [1, 1, 1]


@pytest.mark.parametrize("status", [400, 404, 500, 502])
def test_a_failure_is_tried_again_with_the_same_id_and_a_new_timestamp(subscriber: LocalServer, status: int):
    endpoint = make_endpoint(subscriber)
    subscriber.respond = saying(b"no", status)
    publish("a")
    assert send_all() == 1
    assert (statuses(endpoint), send_all()) == (["pending"], 0)
    [delivery] = Delivery.objects.all()
    assert delivery.tries == 1
    assert delivery.next_attempt_at is not None
    assert timedelta(0) < delivery.next_attempt_at - timezone.now() <= timedelta(seconds=6)

    subscriber.respond = saying(b"yes")
    time.sleep(1.0 - time.time() % 1.0)
    make_due()
    assert send_all() == 1

    first, second = subscriber.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    verified(endpoint.secret, second)
    assert statuses(endpoint) == ["delivered"]
    assert attempts() == [(status, "no", ""), (200, "yes", "")]


def test_after_the_last_attempt_it_has_failed(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    subscriber.respond = saying(b"", 500)
    publish("a")
    for _ in range(MAX_ATTEMPTS + 2):
        make_due()
        send_all()

    assert statuses(endpoint) == ["failed"]
    assert len(subscriber.received) == DeliveryAttempt.objects.count() == MAX_ATTEMPTS


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(subscriber: LocalServer, other: LocalServer, status: int):
    endpoint = make_endpoint(subscriber)
    subscriber.respond = saying(b"", status, Location=f"http://127.0.0.1:{other.port}/")
    publish("a")
    send_all()

    assert (statuses(endpoint), attempts()) == (["pending"], [(status, "", "")])
    assert other.received == []


def test_of_a_large_answer_the_beginning_is_read_and_kept(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    written = []

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(10 * 2**20))
        handler.end_headers()
        for _ in range(10 * 16):
            handler.wfile.write(b"x" * 2**16)
            written.append(2**16)

    subscriber.respond = endless
    publish("a")
    send_all()

    assert (statuses(endpoint), attempts()) == (["delivered"], [(200, "x" * MAX_ANSWER_BYTES, "")])
    assert sum(written) < 10 * 2**20


def test_an_answer_that_is_no_text_is_kept_as_far_as_it_can_be_stored(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    subscriber.respond = saying(b"a\x00b\xff")
    publish("a")
    send_all()

    [(status, answer, error)] = attempts()
    assert (status, error, statuses(endpoint)) == (200, "", ["delivered"])
    assert (answer[0], "\x00" in answer) == ("a", False)


def close_in_mid_answer(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"begins")
    handler.close_connection = True


@pytest.mark.parametrize("respond", [hanging_up, close_in_mid_answer])
def test_a_connection_that_closes_before_the_end_of_the_answer_is_a_failure(subscriber: LocalServer, respond):
    endpoint = make_endpoint(subscriber)
    subscriber.respond = respond
    publish("a")
    send_all()

    [(status, answer, error)] = attempts()
    assert (status, answer, statuses(endpoint)) == (None, "", ["pending"])
    assert error != ""


def test_a_subscriber_that_hangs_fails(impatient, subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    over = threading.Event()
    subscriber.respond = lambda _: over.wait(60)
    publish("a")
    send_all()
    over.set()

    [(status, answer, error)] = attempts()
    assert (status, answer, statuses(endpoint)) == (None, "", ["pending"])
    assert error != ""


def test_a_subscriber_that_hangs_delays_no_other(subscriber: LocalServer, other: LocalServer):
    hanging, good = make_endpoint(other), make_endpoint(subscriber)
    had_all: list[bool] = []

    def hang(handler: BaseHTTPRequestHandler) -> None:
        """Until the other one has everything; for less than the time limit of a call."""
        deadline = time.monotonic() + BOUNDS.total_seconds - 3
        while len(subscriber.received) < 60 and time.monotonic() < deadline:
            time.sleep(0.02)
        had_all.append(len(subscriber.received) == 60)
        send(handler, b"", 500)

    other.respond = hang
    publish(*(str(number) for number in range(60)))
    send_all()

    assert had_all[0]
    assert set(statuses(good)) == {"delivered"}
    assert set(statuses(hanging)) == {"pending"}


def test_a_subscriber_that_fails_half_the_time_has_everything_in_the_end(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)

    def moody(handler: BaseHTTPRequestHandler) -> None:
        send(handler, b"", 200 if len(subscriber.received) % 2 else 500)

    subscriber.respond = moody
    publish(*(str(number) for number in range(20)))
    for _ in range(40):
        make_due()
        if not send_all():
            break

    assert set(statuses(endpoint)) == {"delivered"}
    assert len(set(sequences(subscriber.received))) == 20
    assert len(subscriber.received) > 20
    assert read(endpoint).failing_since is None


def test_a_subscriber_that_is_away_fails(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    subscriber.stop()
    publish("a")
    send_all()

    [(status, _, error)] = attempts()
    assert (status, statuses(endpoint)) == (None, ["pending"])
    assert "refused" in error


def test_a_delivery_whose_event_is_pruned_fails_and_says_why(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    publish("a")
    Event.objects.all().delete()
    send_all()

    assert (statuses(endpoint), attempts()) == (["failed"], [(None, "", NOT_STORED)])
    assert (read(endpoint).failures, subscriber.received) == (0, [])


def test_attempts_are_counted_by_their_outcome(subscriber: LocalServer):
    def counted(result: str) -> float:
        return REGISTRY.get_sample_value("pms_deliveries_total", {"result": result}) or 0.0

    before = counted("ok"), counted("failed")
    make_endpoint(subscriber)
    subscriber.respond = saying(b"", 500)
    publish("a")
    send_all()
    subscriber.respond = saying(b"")
    make_due()
    send_all()

    assert (counted("ok"), counted("failed")) == (before[0] + 1, before[1] + 1)


def test_connections_in_use_stay_open_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(posters, "MAX_POSTERS", 2)
    with ExitStack() as stack:
        used = [stack.enter_context(posters.poster_of(f"http://127.0.0.1:{port}/")) for port in (1, 2, 3)]
        with posters.poster_of("http://127.0.0.1:1/") as same:
            assert same is used[0]
    with posters.poster_of("http://127.0.0.1:4/"):
        pass

    assert len(posters._posters) == 2
    assert not posters._users
