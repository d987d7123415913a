"""A running simulator: its parts put together."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pms_integration.simulator.faults import Faults, FaultSettings
from pms_integration.simulator.sample_catalogue import create_catalogue
from pms_integration.simulator.server import SimulatorServer
from pms_integration.simulator.simulation import Simulation
from pms_integration.simulator.webhook_sender import WebhookSender, subscribe

LOCATIONS: Final[Mapping[str, str]] = {"W1": "First warehouse", "W2": "Second warehouse"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a simulator starts; the command line says what each means."""

    token: str
    host: str = "127.0.0.1"
    port: int = 0
    database: str = ":memory:"
    products: int = 0
    faults: FaultSettings = field(default_factory=FaultSettings)
    seed: str = "0"
    skew_seconds: float = 0.0
    webhook_url: str = ""
    webhook_secret: str = ""
    locations: Mapping[str, str] = field(default_factory=lambda: LOCATIONS)


class RunningSimulator:
    """Listens and sends webhooks from its creation until `stop`. Raises `OSError`, `ValueError`, `sqlite3.Error`."""

    def __init__(self, settings: Settings) -> None:
        self.simulation = Simulation(
            database=settings.database,
            skew_seconds=settings.skew_seconds,
            faults=Faults(settings.faults, settings.seed),
            token=settings.token,
            locations=settings.locations,
        )
        subscribe(self.simulation.outbox, settings.webhook_url, settings.webhook_secret)
        create_catalogue(self.simulation.storage, self.simulation.clock, settings.products, settings.seed)
        self._server = SimulatorServer(settings.host, settings.port, self.simulation)
        self._sender = WebhookSender(self.simulation)
        self._listener = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="server", daemon=True)
        self._sender.start()
        self._listener.start()

    @property
    def url(self) -> str:
        """The `base_url` for the connection."""
        return self._server.url

    def stop(self) -> None:
        """Stops listening and sending; what waits in the outbox stays in the file."""
        self._server.shutdown()
        self._server.server_close()
        self._sender.stop()
        self.simulation.close()
