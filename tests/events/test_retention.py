"""What is older than the retention goes, from the feed's beginning; whoever has not read it is told so."""

from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from pms_backend.api import batches
from pms_backend.events import services, views
from pms_backend.events.models import Event, FeedHead, ParkedEvent, feed_bounds, is_expired
from pms_backend.events.tasks import prune_events
from tests.conftest import ClientWith, JSONClient
from tests.events.examples import feed, happen

pytestmark = [pytest.mark.django_db, pytest.mark.database]

FEED = "/api/v1/events/"


@pytest.fixture
def reader(client_with: ClientWith) -> JSONClient:
    return client_with(["events:read"])


@pytest.fixture
def five() -> None:
    """Five published events."""
    happen(*"abcde")
    services.relay_pending()


def grow_old(*sequences: int, days: float = 31) -> None:
    of = Event.objects.filter(sequence__in=sequences) if sequences else Event.objects.all()
    of.update(occurred_at=timezone.now() - timedelta(days=days))


def kept() -> list[int | None]:
    return [sequence for sequence, _ in feed()]


@pytest.mark.usefixtures("five")
def test_what_is_older_goes_and_the_rest_stays():
    grow_old(1, 2)
    grow_old(3, days=29)

    assert prune_events() == 2

    assert kept() == [3, 4, 5]
    assert feed_bounds() == (2, 5)
    assert prune_events() == 0


@pytest.mark.usefixtures("five")
def test_the_retention_is_a_setting(settings):
    settings.EVENT_RETENTION_DAYS = 2
    grow_old(1, days=1.9)
    assert services.prune_events() == 0
    grow_old(1, days=2.1)
    assert services.prune_events() == 1


@pytest.mark.usefixtures("five")
def test_none_goes_out_of_the_middle():
    grow_old(1, 3, 4)

    assert services.prune_events() == 1

    assert kept() == [2, 3, 4, 5]
    assert feed_bounds() == (1, 5)


@pytest.mark.usefixtures("five")
def test_what_is_not_published_stays():
    happen("late")
    grow_old()

    assert services.prune_events() == 5

    assert feed() == [(None, "thing:late")]
    services.relay_pending()
    assert kept() == [6]


@pytest.mark.usefixtures("five")
def test_it_goes_in_batches(monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(batches, "PRUNE_BATCH_SIZE", 2)
    monkeypatch.setattr(batches, "MAX_PRUNE_BATCHES", 2)
    grow_old()

    assert services.prune_events() == 4
    assert feed_bounds() == (4, 5)
    assert services.prune_events() == 1
    assert feed_bounds() == (5, 5)


@pytest.mark.usefixtures("five")
def test_what_is_parked_stays_until_it_is_replayed():
    pair = ParkedEvent.objects.create(event=Event.objects.get(sequence=2), receiver="tests", attempts=1)
    ParkedEvent.objects.create(
        event=Event.objects.get(sequence=1), receiver="tests", attempts=1, resolved_at=timezone.now()
    )
    grow_old(1, 2, 3)

    assert services.prune_events() == 2
    assert kept() == [2, 4, 5]
    assert feed_bounds() == (3, 5)

    ParkedEvent.objects.filter(pk=pair.pk).update(resolved_at=timezone.now())
    assert services.prune_events() == 1
    assert kept() == [4, 5]
    assert not ParkedEvent.objects.exists()


@pytest.mark.usefixtures("five")
def test_what_is_left_behind_is_no_part_of_the_feed(reader: JSONClient):
    ParkedEvent.objects.create(event=Event.objects.get(sequence=2), receiver="tests", attempts=1)
    grow_old(1, 2, 3)
    services.prune_events()

    answer = reader.get(FEED).json()

    assert [event["sequence"] for event in answer["results"]] == [4, 5]


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(("after", "expired"), [(0, True), (1, True), (2, False), (3, False), (5, False), (6, True)])
def test_a_sequence_is_expired_where_something_behind_it_is_gone_or_it_was_never_given(after: int, expired: bool):
    grow_old(1, 2)
    services.prune_events()

    assert is_expired(after) is expired


def test_where_nothing_happened_yet_the_beginning_is_not_expired():
    assert not FeedHead.objects.exists()
    assert [is_expired(after) for after in (0, 1)] == [False, True]


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize("after", [0, 1, 6])
@pytest.mark.parametrize("more", [{}, {"types": "thing.*"}, {"subject": "thing:e"}])
def test_an_expired_sequence_is_refused_with_410(reader: JSONClient, after: int, more: dict):
    grow_old(1, 2)
    services.prune_events()

    response = reader.get(FEED, {"after": after, **more})

    assert (response.status_code, response.json()["code"]) == (410, "sequence_expired")


@pytest.mark.usefixtures("five")
def test_a_reader_without_a_sequence_begins_with_the_oldest_retained_event(reader: JSONClient):
    grow_old(1, 2)
    services.prune_events()

    answer = reader.get(FEED, {"limit": 2}).json()

    assert [event["sequence"] for event in answer["results"]] == [3, 4]
    assert (answer["next_after"], answer["has_more"]) == (4, True)


@pytest.mark.usefixtures("five")
def test_events_that_are_pruned_during_a_read_are_not_skipped_silently(reader: JSONClient, monkeypatch):
    """Without the check after the read, the response would begin with 3, and hide that 1 and 2 are missing."""
    grow_old(1, 2)

    def read_and_prune() -> tuple[int, int]:
        bounds = feed_bounds()
        services.prune_events()
        return bounds

    monkeypatch.setattr(views, "feed_bounds", read_and_prune)

    assert reader.get(FEED, {"after": 0}).status_code == 410


def test_the_feeds_filters_use_indexes_of_what_is_published_alone():
    indexes = {index.name: index.condition for index in Event._meta.indexes}

    assert indexes["events_event_subject"] == indexes["events_event_type"] == Q(sequence__isnull=False)
