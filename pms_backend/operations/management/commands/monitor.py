"""`manage.py monitor`: the program that opens, resolves and tells alerts."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from pms_backend.operations.alerts.channels import channels
from pms_backend.operations.alerts.monitor import Monitor
from pms_backend.operations.alerts.sending import Sender


class Command(BaseCommand):
    """Watches the system until SIGTERM or SIGINT."""

    help = "Opens, resolves and tells alerts, until SIGTERM."
    # They import every view, for nothing.
    requires_system_checks: tuple[str, ...] = ()

    def handle(self, *_: Any, **__: Any) -> None:
        """Runs the monitor."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        Monitor([Sender(channel) for channel in channels()]).run(stop)
