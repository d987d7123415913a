"""A worker with a connector that raises, or kills its process, at the messages that ask for it.

`python -m tests.faults.poisonous_worker` applies events until none is left. Its retries and leases are short.
"""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import django

django.setup()

from pms_backend.api import transactions  # noqa: E402 - Django is set up first
from pms_integration import services  # noqa: E402
from pms_integration.connectors import CONNECTORS  # noqa: E402
from pms_integration.connectors.contract import Report  # noqa: E402
from pms_integration.connectors.standard import StandardConnector  # noqa: E402
from pms_integration.models import PMSEvent  # noqa: E402
from pms_integration.services import leases, retries  # noqa: E402


class PoisonousConnector(StandardConnector):
    """Does what the reference of a message says."""

    def parse(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Sequence[Report] | None:
        """Raises, kills the process, or parses."""
        match body["data"].get("reference"):
            case "raises":
                raise ZeroDivisionError("a poisonous message")
            case "kills":
                os.kill(os.getpid(), signal.SIGKILL)
        return super().parse(headers, body)


def main() -> None:
    """Applies events until none is left."""
    CONNECTORS["standard"] = PoisonousConnector()
    retries.RETRY_DELAYS = (timedelta(0),) * len(retries.RETRY_DELAYS)
    leases.LEASE_SECONDS = 0.5
    transactions.MAX_TRIES = 2
    while PMSEvent.objects.filter(due_at__isnull=False).exists():
        services.apply_due_events()
        time.sleep(0.05)


if __name__ == "__main__":
    main()
