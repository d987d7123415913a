"""A web process that is killed between its commit and what it does after that.

`python -m tests.faults.dies_before_its_wakeup PATH BODY KEY`: a PATCH.
"""

import os
import signal
import sys

import django
from django.conf import settings
from django.test import Client


def die(*_: object, **__: object) -> None:
    """Kills the process."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
    django.setup()
    settings.ALLOWED_HOSTS = ["*"]
    from pms_backend.events.wakeups import WakeUp

    WakeUp.send = die
    path, body, key = sys.argv[1:]
    Client().patch(path, body, content_type="application/json", headers={"X-Api-Key": key})
