"""A relay of its own: `python -m tests.faults.relay_process [--die-before-its-bell]`."""

import os
import signal
import sys
import time

import django

PAUSE_SECONDS = 0.02


def die(*_: object) -> None:
    """As if the machine had taken it between its commit and its bell."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
    django.setup()
    from inventory import receivers
    from pms_backend.events.services import relay_pending

    if "--die-before-its-bell" in sys.argv:
        receivers._bell.ring = die
    while True:
        relay_pending()
        time.sleep(PAUSE_SECONDS)
