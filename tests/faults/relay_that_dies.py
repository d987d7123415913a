"""A relay with a receiver that kills its own process for one thing, and one that writes down what it was given.

`python -m tests.faults.relay_that_dies THING JOURNAL [STOP_AFTER]`: with STOP_AFTER `commit`, the process is killed
right after the relay's first commit instead, before anything that was registered for afterwards.

Each relay is a process of its own, forked from one that has loaded Django and done nothing else. One follows the
other until one survives, with STOP_AFTER there is one; the number of those that died is printed.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
django.setup()

from django.db import transaction  # noqa: E402 - Django is set up first

from pms_backend.events import services  # noqa: E402
from pms_backend.events.models import Event  # noqa: E402

MOST_DEATHS = 20


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def relay() -> None:
    thing, journal = sys.argv[1], Path(sys.argv[2])

    def kill(events: Sequence[Event]) -> None:
        if any(event.subject == f"thing:{thing}" for event in events):
            die()

    def write(events: Sequence[Event]) -> None:
        names = "".join(f"{event.sequence} {event.subject}\n" for event in events)
        transaction.on_commit(lambda: journal.open("a").write(names))

    def die_after_the_commit(_: Sequence[Event]) -> None:
        transaction.on_commit(die)

    if sys.argv[3:] == ["commit"]:
        services.receive_published("tests.dies", die_after_the_commit)
    else:
        services.receive_published("tests.kills", kill)
    services.receive_published("tests.writes", write)
    services.relay_pending()


def is_killed() -> bool:
    """Runs a relay in a process of its own, to its end or to its death."""
    child = os.fork()
    if not child:
        relay()
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


def main() -> None:
    most = 1 if sys.argv[3:] == ["commit"] else MOST_DEATHS
    deaths = 0
    while deaths < most and is_killed():
        deaths += 1
    print(deaths)


if __name__ == "__main__":
    main()
