"""The kinds of PMS: one module for each."""

from typing import Final

from pms_integration.connectors.contract import Connector
from pms_integration.connectors.outgoing import OutgoingConnector
from pms_integration.connectors.standard import StandardConnector
from pms_integration.exceptions import ConnectorMissing

CONNECTORS: Final[dict[str, Connector]] = {"standard": StandardConnector()}


def connector_of(kind: str) -> Connector:
    """The connector for a kind of PMS. Raises `ConnectorMissing` if a connection has a kind that was removed."""
    try:
        return CONNECTORS[kind]
    except KeyError:
        raise ConnectorMissing(f"This version has no connector for the kind {kind}.") from None


def outgoing_connector_of(kind: str) -> OutgoingConnector | None:
    """The connector for a kind of PMS that can be called; None if this kind only sends webhooks.

    Raises `ConnectorMissing`.
    """
    connector = connector_of(kind)
    return connector if isinstance(connector, OutgoingConnector) else None
