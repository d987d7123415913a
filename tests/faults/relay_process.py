"""A relay of its own: `python -m tests.faults.relay_process [--die-before-its-wake-up]`."""

import os
import signal
import sys
import time

import django

PAUSE_SECONDS = 0.02


def die(*_: object) -> None:
    """Ends the process between its commit and its wake-up."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
    django.setup()
    from inventory import receivers
    from pms_backend.events.services import relay_pending

    if "--die-before-its-wake-up" in sys.argv:
        receivers._wake_up.send = die
    while True:
        relay_pending()
        time.sleep(PAUSE_SECONDS)
