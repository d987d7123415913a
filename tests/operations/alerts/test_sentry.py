"""What Sentry gets: unexpected errors, each once, without anything that somebody has sent."""

import logging
from collections.abc import Iterator

import pytest
from django.db import OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError

from pms_backend.api import context
from pms_backend.api.exceptions import Conflict, InsufficientStorage, Unavailable
from pms_backend.operations import sentry
from pms_backend.operations.alerts.digest import Message, Opening
from pms_backend.operations.alerts.sentry_channel import SentryChannel
from pms_backend.operations.alerts.tracker import TrackedAlert
from tests.operations.alerts.sentry_server import SentryServer, sentry_on
from tests.operations.alerts.timeline import DOWN, at

logger = logging.getLogger("tests.sentry")

# Put together at run time: the lines of the source are sent.
PASSWORD, ADDRESS = "-".join(("hunter2", "secret")), "@".join(("someone", "example.com"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SentryServer]:
    monkeypatch.setattr(sentry, "_limit", sentry.KindLimit())
    with sentry_on() as server:
        yield server


def fail(error: Exception) -> None:
    raise error


def log_failure(error: Exception, message: str = "It has failed for %s", about: str = ADDRESS) -> None:
    password = PASSWORD
    try:
        fail(error)
    except Exception:
        logger.exception(message, about, extra={"headers": {"Cookie": password}})


def test_a_logged_error_is_sent_with_its_request_and_program(server: SentryServer):
    with context.bind(actor="client:shop", request_id="order-17"):
        log_failure(ValueError("It is no number."))

    (event,) = server.events()
    (raised,) = event["exception"]["values"]
    assert (raised["type"], raised["value"]) == ("ValueError", "It is no number.")
    assert raised["stacktrace"]["frames"][-1]["function"] == "fail"
    assert event["tags"] == {"program": "web", "request_id": "order-17"}
    assert (event["level"], event["logger"], event["logentry"]) == (
        "error",
        "tests.sentry",
        {"message": "It has failed for %s"},
    )


def test_no_values_are_sent(server: SentryServer):
    log_failure(ValueError(f"Key exists.\nDETAIL: Failing row contains ({ADDRESS})."))

    raw = server.raw()
    assert b"Key exists." in raw
    for secret in (PASSWORD, ADDRESS, "publickey@"):
        assert secret.encode() not in raw


def test_a_secret_in_the_text_of_an_error_is_hidden(server: SentryServer):
    log_failure(ValueError(f"It cannot call https://shop:{PASSWORD}@pms.example.com/"))

    assert server.events()[0]["exception"]["values"][0]["value"] == "It cannot call https://[hidden]@pms.example.com/"


@pytest.mark.parametrize(
    "error",
    [Conflict("It is taken."), Unavailable("Later."), InsufficientStorage("Full."), OperationalError("gone")],
    ids=lambda error: type(error).__name__,
)
def test_what_is_expected_is_not_sent(server: SentryServer, error: Exception):
    log_failure(error)

    assert server.events() == []


def test_an_outage_that_was_answered_with_a_500_is_sent(server: SentryServer):
    logging.getLogger("pms_backend.api.exceptions").error("Answered 500", exc_info=RedisConnectionError("refused"))

    (event,) = server.events()
    assert event["exception"]["values"][-1]["type"] == "ConnectionError"


def test_an_error_without_an_exception_is_for_the_log_alone(server: SentryServer):
    logger.error("The webhook endpoint %s is disabled", 7)
    logger.warning("It is slow", exc_info=ValueError())

    assert server.events() == []


def test_a_loop_that_fails_sends_a_few_a_minute(server: SentryServer):
    for number in range(20):
        log_failure(ValueError(f"Number {number}"))
    log_failure(KeyError("another kind"))

    sent = [event["exception"]["values"][-1]["type"] for event in server.events()]
    assert sent == ["ValueError"] * sentry.MAX_OF_A_KIND + ["KeyError"]


def test_after_a_minute_more_is_sent():
    limit = sentry.KindLimit()

    first = [limit.allows("a", 0.0) for _ in range(4)]

    assert first == [True, True, True, False]
    assert (limit.allows("a", 59.0), limit.allows("a", 60.0)) == (False, True)


def test_many_kinds_have_a_limit_together():
    limit = sentry.KindLimit()

    allowed = [limit.allows(str(number), 0.0) for number in range(sentry.MAX_IN_ALL + 5)]

    assert allowed.count(True) == sentry.MAX_IN_ALL


def test_an_alert_and_its_end_are_one_issue(server: SentryServer):
    alert = TrackedAlert(("dead_pms_events", "shop"), DOWN, began_at=at(0), is_open=True, resolved_at=at(72))

    SentryChannel().send(Message([Opening(alert)], [alert]))

    opening, end = server.events()
    assert opening["fingerprint"] == end["fingerprint"] == ["alert", "dead_pms_events", "shop"]
    assert (opening["level"], end["level"]) == ("error", "info")
    assert opening["message"].startswith("dead_pms_events shop: PMS events cannot be applied, since 2026-11-29 14:00")
    assert end["message"] == "dead_pms_events shop: PMS events cannot be applied. It lasted 1 min 12 s."
    assert opening["tags"] == {"alert": "dead_pms_events shop", "program": "web"}
