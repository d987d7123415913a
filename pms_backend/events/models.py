"""The outbox table, from which the feed is read, and the state of its relay."""

from collections.abc import Sequence
from typing import Final

from django.db import connection, models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pms_backend.api.context import MAX_ACTOR_LENGTH, MAX_REQUEST_ID_LENGTH
from pms_backend.api.limits import MAX_SUBJECT_LENGTH

_IS_PUBLISHED: Final = models.Q(sequence__isnull=False)


class EventQuerySet(models.QuerySet["Event"]):
    """Queries of the feed and of its relay."""

    def pending(self) -> "EventQuerySet":
        """Recorded events that are not published yet, in the order of recording."""
        return self.filter(sequence=None).order_by("id")

    def published_after(self, sequence: int) -> "EventQuerySet":
        """Published events after `sequence`, in the order of the feed."""
        return self.filter(sequence__gt=sequence).order_by("sequence")

    def of_types(self, patterns: Sequence[str], *, limit: int) -> "EventQuerySet":
        """The first `limit` of an ordered feed whose type is one of `patterns`: a type, or its beginning (`stock.*`).

        Each type is read from its own range of an index, so that a rare type is found without reading the others.
        """
        wanted = [kind for kind in published_types() if any(_matches(kind, pattern) for pattern in patterns)]
        each = [self.filter(type=kind)[:limit] for kind in wanted]
        if len(each) < 2:
            return each[0] if each else self.none()
        return each[0].union(*each[1:], all=True).order_by("sequence")[:limit]


def _matches(kind: str, pattern: str) -> bool:
    return kind.startswith(pattern[:-1]) if pattern.endswith("*") else kind == pattern


class Event(models.Model):
    """Something that happened, as it was when it happened.

    `id` orders what is recorded; `sequence`, which the relay stamps after the commit, orders what is published and has
    no gap: whoever sees N can see everything before N.
    """

    sequence = models.BigIntegerField(null=True, unique=True, editable=False)
    type = models.CharField(_("type"), max_length=60)
    subject = models.CharField(max_length=MAX_SUBJECT_LENGTH)
    actor = models.CharField(_("actor"), max_length=MAX_ACTOR_LENGTH)
    request_id = models.CharField(_("request id"), max_length=MAX_REQUEST_ID_LENGTH, blank=True)
    occurred_at = models.DateTimeField(db_default=Now())
    data = models.JSONField()

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            models.Index(fields=["id"], name="events_event_pending", condition=models.Q(sequence=None)),
            # Partial indexes of published events: recording, for which a request waits, does not maintain them.
            models.Index(fields=["subject", "sequence"], name="events_event_subject", condition=_IS_PUBLISHED),
            models.Index(fields=["type", "sequence"], name="events_event_type", condition=_IS_PUBLISHED),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"

    @property
    def public_id(self) -> str:
        """The `id` in the feed, and the `webhook-id` of an outbound webhook."""
        return f"evt_{self.pk}"


class FeedHead(models.Model):
    """Where the feed ends and where its stored part begins; a row of its own, so that it outlives the events."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    # The newest published sequence.
    sequence = models.BigIntegerField(default=0)
    # Events up to this sequence are pruned.
    pruned_to = models.BigIntegerField(default=0, db_default=0)
    # Every pruned event is older than this.
    pruned_before = models.DateTimeField(null=True)
    # Readers at an earlier sequence have read another history, which a restored backup has replaced.
    begins_after = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(name="events_feedhead_is_one_row", condition=models.Q(id=1)),
            models.CheckConstraint(
                name="events_feedhead_pruned_what_was_published",
                condition=models.Q(pruned_to__lte=models.F("sequence")),
            ),
            models.CheckConstraint(
                name="events_feedhead_begins_before_its_end",
                condition=models.Q(begins_after__lte=models.F("sequence")),
            ),
        ]

    def __str__(self) -> str:
        return str(self.sequence)


class RelayRun(models.Model):
    """The batch that the relay has started, stored before it runs, so that one that kills its process is noticed.

    `starts` is 0 after every commit of a batch. Events up to the identity `alone_until` are published one by one.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    starts = models.PositiveIntegerField(default=0)
    alone_until = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(name="events_relayrun_is_one_row", condition=models.Q(id=1))]

    def __str__(self) -> str:
        return f"{self.starts} starts"


class ParkedEventQuerySet(models.QuerySet["ParkedEvent"]):
    """Queries of parked events by what remains to be done."""

    def unresolved(self) -> "ParkedEventQuerySet":
        """Parked events that still wait for their receiver, oldest first."""
        return self.filter(resolved_at=None).order_by("id")

    def untried(self) -> "ParkedEventQuerySet":
        """Unresolved ones that were never dispatched alone; the relay does that by itself."""
        return self.unresolved().filter(attempts=0)


class ParkedEvent(models.Model):
    """A published event for which one receiver failed. The feed and all other receivers have it."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="parked", db_index=False)
    receiver = models.CharField(_("receiver"), max_length=100)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(_("last error"), blank=True)
    parked_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True)

    objects = ParkedEventQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("parked event")
        verbose_name_plural = _("parked events")
        # Its index serves the foreign key too.
        constraints = [models.UniqueConstraint(fields=["event", "receiver"], name="events_parkedevent_one_per_pair")]
        indexes = [
            models.Index(fields=["id"], name="events_parkedevent_unresolved", condition=models.Q(resolved_at=None))
        ]

    def __str__(self) -> str:
        return f"{self.event_id} for {self.receiver}"


# PostgreSQL 15 has no skip scan: each step looks up the next type, so that the cost is one look-up for each type.
_PUBLISHED_TYPES: Final = """
WITH RECURSIVE known(type) AS (
    (SELECT type FROM events_event WHERE sequence IS NOT NULL ORDER BY type LIMIT 1)
    UNION ALL
    SELECT (SELECT next.type FROM events_event AS next WHERE next.sequence IS NOT NULL AND next.type > known.type
        ORDER BY next.type LIMIT 1)
    FROM known WHERE known.type IS NOT NULL
)
SELECT type FROM known WHERE type IS NOT NULL
"""


def published_types() -> list[str]:
    """The event types that the feed contains."""
    with connection.cursor() as cursor:
        cursor.execute(_PUBLISHED_TYPES)
        return [kind for (kind,) in cursor.fetchall()]


def head_sequence() -> int:
    """The newest published sequence; 0 before the first."""
    return feed_bounds()[1]


def feed_bounds() -> tuple[int, int]:
    """The sequence after which readers may begin, and the newest published one: events between them can be read."""
    bounds = FeedHead.objects.values_list("pruned_to", "begins_after", "sequence").first()
    if bounds is None:
        return 0, 0
    pruned_to, begins_after, head = bounds
    return max(pruned_to, begins_after), head


def last_pruned() -> int:
    """The last pruned sequence: events after it are stored."""
    return FeedHead.objects.values_list("pruned_to", flat=True).first() or 0


def is_expired(after: int) -> bool:
    """Whether the feed has a gap after `after`: later events are pruned, or it belongs to another history.

    Call it *after* reading the events, because pruning may run in between.
    """
    oldest, head = feed_bounds()
    return not oldest <= after <= head
