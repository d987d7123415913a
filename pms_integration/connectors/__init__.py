"""How each kind of PMS speaks: one module a kind."""

from typing import Final

from pms_integration.connectors.contract import Connector
from pms_integration.connectors.standard import StandardConnector
from pms_integration.models import ConnectorKind

CONNECTORS: Final[dict[str, Connector]] = {ConnectorKind.STANDARD: StandardConnector()}
