"""An error is detected, logged once, counted once, sent to Sentry once, and opens one alert."""

import logging
from typing import Any

import pytest
from celery.beat import SchedulingError
from django.db import OperationalError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pms_backend.metrics.error_logs import outage_of
from pms_backend.operations import sentry
from pms_backend.operations.alerts.server_errors import ServerErrors, count_errors
from pms_backend.operations.alerts.tracker import Tracker
from products import services
from tests.conftest import JSONClient
from tests.operations.alerts.sentry_server import sentry_on
from tests.operations.alerts.timeline import at
from tests.samples import labels, rises


@pytest.mark.django_db
def test_a_500_is_logged_counted_sent_and_told_once(api: JSONClient, monkeypatch: pytest.MonkeyPatch, caplog: Any):
    def fail(**_: Any) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr(services, "create_product", fail)
    monkeypatch.setattr(sentry, "_limit", sentry.KindLimit())
    errors, tracker = ServerErrors(), Tracker()
    tracker.observe({"server_errors": errors.findings(count_errors(), at(0))}, at(0))

    with sentry_on() as server, rises("pms_errors_total") as risen:
        response = api.post(
            "/api/v1/products/", {"name": "Lamp", "variants": [{"sku": "A-1"}]}, headers={"X-Request-Id": "order-17"}
        )
        sent = server.events()

    assert (response.status_code, response["X-Request-Id"]) == (500, "order-17")
    (line,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert line.getMessage() == "Answered 500"
    (event,) = sent
    assert event["exception"]["values"][-1]["value"] == "surprise"
    assert event["tags"]["request_id"] == "order-17"
    assert list(risen.values()) == [1]
    (layer,) = [dict(series)["layer"] for series in risen]
    assert risen == {labels(layer=layer, code="internal_error"): 1}
    found = {"server_errors": errors.findings(count_errors(), at(10))}
    (alert,) = tracker.observe(found, at(10))
    assert (alert.key, tracker.observe(found, at(20))) == (("server_errors", layer), [])


def raised_while_handling(error: Exception, cause: Exception) -> Exception:
    error.__context__ = cause
    return error


def raised_by_us(error: Exception) -> Exception:
    """The same, raised by a function of one of our packages."""
    module = {"__name__": "products.services", "error": error}
    try:
        exec("raise error", module)
    except Exception as raised:
        return raised
    raise AssertionError


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OperationalError("connection timeout expired"), "database_unavailable"),
        (RedisConnectionError("refused"), "redis_unavailable"),
        (raised_from(RuntimeError("later"), RedisTimeoutError("slow")), "redis_unavailable"),
        (raised_while_handling(SchedulingError("not sent"), BrokerError("refused")), "redis_unavailable"),
        (raised_while_handling(AttributeError("of kombu"), RedisConnectionError("refused")), "redis_unavailable"),
        (raised_by_us(raised_while_handling(TypeError("a wrong fallback"), RedisConnectionError("refused"))), ""),
        (ResponseError("a wrong script"), ""),
        (RuntimeError("surprise"), ""),
    ],
)
def test_an_outage_is_no_internal_error(error: Exception, code: str):
    assert outage_of(error) == code

    with rises("pms_errors_total") as risen:
        logging.getLogger("celery.app.trace").error("It failed", exc_info=error)

    assert [dict(series)["code"] for series in risen] == [code or "internal_error"]
