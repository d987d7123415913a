"""After the restore of a backup, readers of what it does not have begin anew, and no number comes again."""

import pytest
from django.core.management import call_command
from django.db import connection

from pms_backend.api import batches
from pms_backend.events import services
from pms_backend.events.models import Event, feed_bounds
from pms_backend.events.tasks import prune_events
from tests.conftest import ClientWith, JSONClient
from tests.events.examples import feed, happen
from tests.events.test_retention import grow_old

pytestmark = [pytest.mark.django_db, pytest.mark.database]

FEED = "/api/v1/events/"


@pytest.fixture
def reader(client_with: ClientWith) -> JSONClient:
    return client_with(["events:read"])


@pytest.fixture(autouse=True)
def five() -> None:
    """Five published events, as the backup has them; readers have read ten."""
    happen(*"abcde")
    services.relay_pending()


def test_readers_of_both_histories_begin_anew(reader: JSONClient):
    services.skip_after_restore(count=100)

    answers = [reader.get(FEED, {"after": after}) for after in (3, 5, 10, 104, 106)]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(410, "sequence_expired")] * 5


def test_a_new_reader_gets_what_happens_from_then_on(reader: JSONClient):
    services.skip_after_restore(count=100)
    happen("f")
    services.relay_pending()

    page = reader.get(FEED).json()
    assert [(event["sequence"], event["subject"]) for event in page["results"]] == [(106, "thing:f")]
    assert reader.get(FEED, {"after": 105}).json()["results"] == page["results"]


def test_no_number_of_a_row_comes_again():
    before = Event.objects.latest("id").pk
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM auth_user_id_seq")
        users = cursor.fetchone()

        services.skip_after_restore(count=100)

        cursor.execute("SELECT last_value FROM auth_user_id_seq")
        # Of 32 bits: it would be used up one day.
        assert cursor.fetchone() == users
    happen("f")
    assert Event.objects.latest("id").pk == before + 101


def test_events_of_before_are_pruned_in_time(monkeypatch):
    monkeypatch.setattr(batches, "PRUNE_BATCH_SIZE", 2)
    services.skip_after_restore(count=100)
    happen("f")
    services.relay_pending()
    grow_old(1, 2, 3)

    assert prune_events() == 3

    assert [sequence for sequence, _ in feed()] == [4, 5, 106]
    assert feed_bounds() == (105, 106)


def test_it_may_be_done_twice(capsys):
    call_command("continue_after_restore", "--skip", "100")
    call_command("continue_after_restore", "--skip", "100")

    assert feed_bounds() == (205, 205)
    assert capsys.readouterr().out.splitlines() == [
        "The feed goes on after 105. Readers at an earlier sequence begin anew.",
        "The feed goes on after 205. Readers at an earlier sequence begin anew.",
    ]
