"""The outbox table, which is the feed as well."""

from django.db import models
from django.db.models.functions import Now

from pms_backend.api.context import MAX_ACTOR_LENGTH, MAX_REQUEST_ID_LENGTH


class EventQuerySet(models.QuerySet["Event"]):
    """The feed's reads."""

    def published_after(self, sequence: int) -> "EventQuerySet":
        """The feed behind `sequence`, in its order."""
        return self.filter(sequence__gt=sequence).order_by("sequence")

    def of_types(self, patterns: list[str]) -> "EventQuerySet":
        """Those whose type is one of `patterns`: a type, or a prefix such as `stock.*`."""
        wanted = models.Q()
        for pattern in patterns:
            prefix = pattern.endswith("*")
            wanted |= models.Q(type__startswith=pattern[:-1]) if prefix else models.Q(type=pattern)
        return self.filter(wanted)


class Event(models.Model):
    """Something that happened, as it was when it happened.

    `id` orders what is recorded; `sequence`, which the relay stamps after the commit, orders what is published and has
    no gap: whoever sees N can see everything before N.
    """

    sequence = models.BigIntegerField(null=True, unique=True, editable=False)
    type = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    actor = models.CharField(max_length=MAX_ACTOR_LENGTH)
    request_id = models.CharField(max_length=MAX_REQUEST_ID_LENGTH, blank=True)
    occurred_at = models.DateTimeField(db_default=Now())
    data = models.JSONField()

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        indexes = [models.Index(fields=["id"], name="events_event_pending", condition=models.Q(sequence=None))]

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"

    @property
    def public_id(self) -> str:
        """The event's name outside: the feed's `id`, and an outbound webhook's `webhook-id`."""
        return f"evt_{self.pk}"


class FeedHead(models.Model):
    """The last sequence that was given out: a row of its own, so that it outlives the events."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    sequence = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(name="events_feedhead_is_one_row", condition=models.Q(id=1))]

    def __str__(self) -> str:
        return str(self.sequence)


def head_sequence() -> int:
    """The newest published sequence; 0 before the first."""
    return FeedHead.objects.values_list("sequence", flat=True).first() or 0


def is_expired(after: int) -> bool:
    """Whether the feed cannot go on behind `after`: what came next is not kept any more, or it was never reached."""
    head = head_sequence()
    kept = Event.objects.filter(sequence__isnull=False).order_by("sequence").values_list("sequence", flat=True)
    # Read after the head, so that what is published meanwhile does not look as if all before it were gone.
    oldest = kept.first() or head + 1
    return not oldest - 1 <= after <= head
