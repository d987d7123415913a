"""An event that kills the relay's process, and a relay killed between its commit and its bell: the feed goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pms_backend.events import services
from pms_backend.events.models import ParkedEvent, RelayRun, head_sequence
from pms_backend.events.services.relay import MAX_BATCH_DEATHS, MAX_SINGLE_DEATHS
from tests.events.examples import feed, happen
from tests.faults.celery_processes import ROOT, database_url

pytestmark = pytest.mark.django_db(transaction=True)


class Relay:
    """Runs the relay in processes of its own, one after the other."""

    def __init__(self, *arguments: str) -> None:
        self.command = [sys.executable, "-m", "tests.faults.relay_that_dies", *arguments]

    def run(self) -> int:
        environment = {**os.environ, "DATABASE_URL": database_url()}
        return subprocess.run(self.command, cwd=ROOT, env=environment, check=False, timeout=60).returncode

    def run_until_it_survives(self) -> int:
        """How many died before."""
        for deaths in range(20):
            code = self.run()
            if code == 0:
                return deaths
            assert code == -signal.SIGKILL
        raise AssertionError("it dies for ever")


def test_the_event_that_kills_is_parked_for_the_receiver_that_it_kills(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    happen("a", "b", "poison", "c", "d")

    deaths = Relay("poison", str(journal)).run_until_it_survives()

    # Twice in the batch, thrice alone, and once more with the receiver that it was.
    assert deaths == MAX_BATCH_DEATHS + MAX_SINGLE_DEATHS + 1
    assert feed() == [(1, "thing:a"), (2, "thing:b"), (3, "thing:poison"), (4, "thing:c"), (5, "thing:d")]
    parked = ParkedEvent.objects.unresolved().get()
    assert (parked.event.sequence, parked.receiver, parked.attempts) == (3, "tests.kills", 1)
    assert "its process died" in parked.last_error
    assert sorted(journal.read_text().splitlines()) == [
        "1 thing:a", "2 thing:b", "3 thing:poison", "4 thing:c", "5 thing:d",
    ]  # fmt: skip
    assert RelayRun.objects.get().starts == 0


def test_afterwards_the_relay_works_in_batches_again(tmp_path: Path, receive) -> None:
    happen("poison", "a")
    Relay("poison", str(tmp_path / "journal")).run_until_it_survives()
    batches: list[int] = []
    receive("tests.batches", lambda events: batches.append(len(events)))
    happen("b", "c", "d")
    services.relay_pending()

    assert batches == [3]


def test_killed_between_its_commit_and_its_bell_it_has_lost_nothing(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    happen("a", "b")
    dies, works = Relay("", str(journal), "commit"), Relay("nothing", str(journal))

    assert dies.run() == -signal.SIGKILL
    assert feed() == [(1, "thing:a"), (2, "thing:b")]
    assert not journal.exists()
    happen("c")
    assert works.run() == 0

    assert feed() == [(1, "thing:a"), (2, "thing:b"), (3, "thing:c")]
    assert head_sequence() == 3
    assert RelayRun.objects.get().starts == 0
