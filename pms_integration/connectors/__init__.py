"""The kinds of PMS: one module for each."""

from typing import Final

from pms_integration.connectors.contract import Connector
from pms_integration.connectors.standard import StandardConnector

CONNECTORS: Final[dict[str, Connector]] = {"standard": StandardConnector()}
