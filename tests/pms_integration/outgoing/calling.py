"""Calls of a PMS for tests, and what a server answers."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from pms_integration import services
from pms_integration.connectors.contract import ConnectorError
from pms_integration.models import PMSConnection
from tests.outbound.servers import LocalServer, Respond, saying
from tests.pms_integration.simulator import calling as simulator_calling
from tests.pms_integration.simulator.calling import SimulatorHere

TOKEN = "secret-token-0123456789"


def answering(value: Any, status: int = 200, **headers: str) -> Respond:
    """Answers with JSON."""
    return saying(json.dumps(value).encode(), status, Content_Type="application/json", **headers)


def connect(connection: PMSConnection, server: LocalServer, token: str = TOKEN) -> PMSConnection:
    """Lets the connection call the server."""
    url = services.check_base_url(f"http://pms.example:{server.port}/api/")
    return services.set_outgoing(connection_id=connection.pk, base_url=url, credentials={"token": token})


def connect_simulator(
    connection: PMSConnection, simulator: SimulatorHere, token: str = simulator_calling.TOKEN
) -> PMSConnection:
    """Lets the connection call the simulator."""
    url = services.check_base_url(f"http://pms.example:{urlsplit(simulator.running.url).port}")
    return services.set_outgoing(connection_id=connection.pk, base_url=url, credentials={"token": token})


def call(pms: PMSConnection, method: str, *arguments: Any) -> Any:
    """What a method of the connection's connector returns."""
    return services.call_pms(
        connection_id=pms.pk, operation=lambda connector, client: getattr(connector, method)(client, *arguments)
    )


def refused(pms: PMSConnection, method: str = "check", *arguments: Any) -> ConnectorError:
    """What it raises."""
    with pytest.raises(ConnectorError) as caught:
        call(pms, method, *arguments)
    return caught.value


def sent(server: LocalServer) -> Any:
    """The JSON of the last request."""
    return json.loads(server.received[-1].body)
