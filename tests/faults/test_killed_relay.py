"""An event that kills the relay's process, and a relay killed between its commit and its wake-up: the feed goes on."""

import os
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


def deaths_of_relays(*arguments: str) -> int:
    """Runs relays in processes of their own until one survives; returns how many died before."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.relay_that_dies", *arguments],
        cwd=ROOT, env={**os.environ, "DATABASE_URL": database_url()}, check=True, stdout=subprocess.PIPE, timeout=60,
    )  # fmt: skip
    return int(ended.stdout)


def test_the_event_that_kills_is_parked_for_the_receiver_that_it_kills(tmp_path: Path, receive) -> None:
    journal = tmp_path / "journal"
    happen("a", "b", "poison", "c", "d")

    deaths = deaths_of_relays("poison", str(journal))

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

    # Afterwards it works in batches again.
    batches: list[int] = []
    receive("tests.batches", lambda events: batches.append(len(events)))
    happen("e", "f", "g")
    services.relay_pending()
    assert batches == [3]


def test_a_relay_killed_between_its_commit_and_its_wake_up_loses_nothing(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    happen("a", "b")

    assert deaths_of_relays("", str(journal), "commit") == 1
    assert feed() == [(1, "thing:a"), (2, "thing:b")]
    assert not journal.exists()
    happen("c")
    assert deaths_of_relays("nothing", str(journal)) == 0

    assert feed() == [(1, "thing:a"), (2, "thing:b"), (3, "thing:c")]
    assert head_sequence() == 3
    assert RelayRun.objects.get().starts == 0
