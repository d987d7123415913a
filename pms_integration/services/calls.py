"""Calls of a PMS: never in a transaction, within its circuit, with what came of them recorded."""

import time
from collections.abc import Callable
from typing import TypeVar

from pms_backend import metrics, outbound
from pms_integration.connectors import outgoing_connector_of
from pms_integration.connectors.contract import ConnectorError, NotCalled
from pms_integration.connectors.outgoing import OutgoingConnector, PMSClient
from pms_integration.exceptions import ConnectorMissing
from pms_integration.models import PMSConnection
from pms_integration.services.circuits import admit_call, record_error, record_success
from pms_integration.services.clocks import AnswerDate
from pms_integration.services.pms_client import ConnectionClient, http_client

Result = TypeVar("Result")


def call_pms(*, connection_id: int, operation: Callable[[OutgoingConnector, PMSClient], Result]) -> Result:
    """The result of an operation such as `lambda connector, client: connector.check(client)`.

    Raises `ConnectorError`: `NotCalled` if the PMS is not called at present or at all. `services/retries.py` decides
    when it is tried again. Raises `TransactionManagementError` in a transaction.
    """
    outbound.require_no_transaction()
    connection = PMSConnection.objects.get(pk=connection_id)
    connector, client = _connector_and_client(connection)
    is_trial = admit_call(connection_id=connection_id)
    began = time.monotonic()
    try:
        result = operation(connector, client)
    except NotCalled:
        # If it was the trial of an open circuit, the next one is made when its lease has expired.
        raise
    except ConnectorError as error:
        metrics.pms_calls_total.labels(connection.slug, "failed").inc()
        metrics.count_error(metrics.Layer.INTEGRATION, "pms_call_failed")
        record_error(connection_id=connection_id, is_trial=is_trial, error=error)
        raise
    metrics.pms_calls_total.labels(connection.slug, "ok").inc()
    date = None if client.moment is None else AnswerDate(client.moment, began)
    record_success(connection_id=connection_id, is_trial=is_trial, date=date)
    return result


def _connector_and_client(connection: PMSConnection) -> tuple[OutgoingConnector, PMSClient]:
    if not connection.is_active:
        raise NotCalled(f"The connection {connection.slug} is not active.", permanent=True)
    try:
        connector = outgoing_connector_of(connection.kind)
    except ConnectorMissing as error:
        raise NotCalled(error.detail) from None
    if connector is None or connection.base_url is None:
        raise NotCalled(f"The PMS {connection.slug} only sends webhooks: it has no base URL.", permanent=True)
    credentials = connection.credential_values
    client = ConnectionClient(
        http_client(connection.pk, connection.base_url),
        headers=connector.authorization(credentials),
        credentials=tuple(credentials.values()),
    )
    return connector, client
