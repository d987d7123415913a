"""What background work comes to is counted once: webhooks by result, imports by status, failures by layer and code."""

import logging
from typing import Any

import pytest
from django.db import DataError
from django.test import TestCase

from pms_integration import services
from pms_integration.connectors.contract import ConnectorError
from pms_integration.services import calls
from tests.conftest import JSONClient
from tests.factories import make_connection
from tests.pms_integration.files.importing import imported, table
from tests.pms_integration.outgoing.calling import connect
from tests.pms_integration.reports import receive
from tests.samples import labels, rises
from tests.webhooks.test_inbound import BODY, post
from webhooks.views import MAX_BODY_BYTES

pytestmark = pytest.mark.django_db

ERRORS = "pms_errors_total"
OTHER_SECRET = "whsec_" + 32 * "A"


@pytest.mark.parametrize(
    ("sent", "connection", "result"),
    [
        ({}, "demo", "accepted"),
        ({"webhook_id": "again"}, "demo", "duplicate"),
        ({"secret": OTHER_SECRET}, "demo", "wrong_signature"),
        ({"webhook-signature": ""}, "demo", "no_signature"),
        ({"age": 3600}, "demo", "stale"),
        ({"body": b"nonsense"}, "demo", "not_json"),
        ({"body": b"x" * (MAX_BODY_BYTES + 1)}, "demo", "too_large"),
        ({"slug": "nobody"}, "other", "unknown_connection"),
        ({"slug": "nobody", "body": b"x" * (MAX_BODY_BYTES + 1)}, "other", "too_large"),
    ],
)
def test_a_webhook_is_counted_by_its_result(sent: dict[str, Any], connection: str, result: str):
    secret = make_connection("demo").secret
    post(BODY, secret, webhook_id="again")

    with rises("pms_webhooks_total") as risen:
        post(**{"body": BODY, "secret": secret, **sent})

    assert risen == {labels(connection=connection, result=result): 1}


def test_an_import_is_counted_by_its_status(api: JSONClient, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"

    with (
        rises("pms_imports_total") as risen, rises(ERRORS) as errors,
        TestCase.captureOnCommitCallbacks(execute=True),
    ):  # fmt: skip
        imported(api, table({"Handle": "lamp", "Title": "Lamp"}))
        imported(api, "nonsense")

    assert risen == {labels(status="finished"): 1, labels(status="failed"): 1}
    assert errors == {labels(layer="service", code="import_failed"): 1}


def test_a_dead_pms_event_is_an_error(db):
    receive(make_connection(), "inventory.updated", {})

    with rises(ERRORS) as errors, TestCase.captureOnCommitCallbacks(execute=True):
        services.apply_due_events()

    assert errors == {labels(layer="service", code="pms_event_dead"): 1}


@pytest.mark.django_db(transaction=True)
def test_a_call_that_fails_is_an_error(monkeypatch):
    pms = connect(make_connection(), type("Nobody", (), {"port": 9})())
    monkeypatch.setattr(calls, "admit_call", lambda **_: False)

    def fail(*_: Any) -> None:
        raise ConnectorError("The PMS does not answer.")

    with rises(ERRORS) as errors, pytest.raises(ConnectorError):
        services.call_pms(connection_id=pms.pk, operation=fail)

    assert errors == {labels(layer="integration", code="pms_call_failed"): 1}


@pytest.mark.parametrize(
    ("error", "layer"), [(KeyError("surprise"), "route"), (DataError("a value does not fit"), "model")]
)
def test_a_defect_is_counted_where_it_is_logged(error: Exception, layer: str):
    with rises(ERRORS) as errors:
        try:
            raise error
        except type(error):
            logging.getLogger("pms_integration.services").exception("It could not be applied")
            logging.getLogger("pms_integration.services").warning("It is tried again", exc_info=True)

    assert errors == {labels(layer=layer, code="internal_error"): 1}


def test_a_server_error_is_counted_once_although_it_is_logged(api: JSONClient, monkeypatch):
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr("inventory.services.create_location", fail)
    api.raise_request_exception = False

    with rises(ERRORS) as errors:
        answer = api.post("/api/v1/inventory/locations/", {"code": "main", "name": "Main"})

    assert answer.status_code == 500
    assert errors == {labels(layer="route", code="internal_error"): 1}
