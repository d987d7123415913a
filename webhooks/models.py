"""Subscribers' endpoints, and the deliveries of events to them."""

from typing import Any, Final

import orjson
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy

from pms_backend.access.encryption import EncryptedTextField
from pms_backend.api.context import MAX_ACTOR_LENGTH
from pms_backend.events.models import Event
from webhooks.schedule import BREAKS_AFTER

MAX_URL_LENGTH: Final = 2_000
MAX_DESCRIPTION_LENGTH: Final = 500
# Of an event type, or a pattern such as `stock.*`.
MAX_TYPE_LENGTH: Final = 60
MAX_EVENT_TYPES: Final = 50
MAX_REASON_LENGTH: Final = 500
# Of an answer that is stored.
MAX_ANSWER_BYTES: Final = 4_096


# The `disabled_reason` of an endpoint that somebody has disabled.
SWITCHED_OFF: Final = "switched off"


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    """Endpoints by how they do."""

    def failing(self) -> "WebhookEndpointQuerySet":
        """Active endpoints to which no delivery has succeeded lately."""
        return self.filter(is_active=True, failing_since__isnull=False)

    def paused(self) -> "WebhookEndpointQuerySet":
        """Active endpoints that get nothing for a while, because they failed several times in a row."""
        return self.filter(is_active=True, failures__gte=BREAKS_AFTER)

    def given_up(self) -> "WebhookEndpointQuerySet":
        """Endpoints that were disabled because of their answers."""
        return self.filter(is_active=False).exclude(disabled_reason=SWITCHED_OFF)

    def switched_off(self) -> "WebhookEndpointQuerySet":
        """Endpoints that somebody has disabled."""
        return self.filter(is_active=False, disabled_reason=SWITCHED_OFF)


class WebhookEndpoint(models.Model):
    """A subscriber's URL, and which events it gets: those of types that one of `event_types` matches.

    `failures` are those in a row; before `next_try_at` nothing is sent. Since `failing_since` no delivery has
    succeeded, and that of the sequence `failed_from` is the first of those that have failed; 429 and 503 do not count.
    `resume_after` is the sequence up to which it has its events, while it is disabled.
    """

    # The identity of the client; empty for an endpoint of staff.
    owner = models.CharField(max_length=MAX_ACTOR_LENGTH, blank=True, editable=False)
    url = models.CharField(gettext_lazy("URL"), max_length=MAX_URL_LENGTH)
    description = models.CharField(gettext_lazy("description"), max_length=MAX_DESCRIPTION_LENGTH, blank=True)
    event_types = ArrayField(models.CharField(max_length=MAX_TYPE_LENGTH))
    # A JSON object of texts.
    headers = EncryptedTextField(null=True, blank=True)
    secret = EncryptedTextField(editable=False)
    previous_secret = EncryptedTextField(null=True, editable=False)
    previous_secret_until = models.DateTimeField(null=True, editable=False)
    is_active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=MAX_REASON_LENGTH, blank=True, editable=False)
    disabled_at = models.DateTimeField(null=True, editable=False)
    resume_after = models.BigIntegerField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    next_try_at = models.DateTimeField(null=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    failed_from = models.BigIntegerField(null=True, editable=False)
    last_failure_at = models.DateTimeField(null=True, editable=False)
    last_success_at = models.DateTimeField(null=True, editable=False)
    # After how many days without a success its owner was told last.
    warned_days = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name = gettext_lazy("webhook endpoint")
        verbose_name_plural = gettext_lazy("webhook endpoints")
        constraints = [
            models.CheckConstraint(
                name="webhook_endpoint_disabled_since_a_moment",
                condition=models.Q(is_active=True, disabled_at__isnull=True, disabled_reason="", resume_after=None)
                | models.Q(is_active=False, disabled_at__isnull=False, resume_after__isnull=False),
            ),
            models.CheckConstraint(name="webhook_endpoint_gets_something", condition=~models.Q(event_types__len=0)),
            models.CheckConstraint(
                name="webhook_endpoint_previous_secret_ends",
                condition=models.Q(previous_secret__isnull=True, previous_secret_until__isnull=True)
                | models.Q(previous_secret__isnull=False, previous_secret_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.description or self.url

    @property
    def header_values(self) -> dict[str, str]:
        """The extra headers by their names."""
        return orjson.loads(self.headers) if self.headers else {}

    @property
    def valid_secrets(self) -> list[str]:
        """The secrets that sign: the present one, and the one before for a while after a rotation."""
        is_valid = self.previous_secret_until is not None and timezone.now() < self.previous_secret_until
        return [self.secret, *([self.previous_secret] if is_valid and self.previous_secret else [])]


class EndpointCursor(models.Model):
    """The newest event that an endpoint gets, sent or not. Only the relay writes it, so that nobody waits for it."""

    endpoint = models.OneToOneField(WebhookEndpoint, primary_key=True, on_delete=models.CASCADE, related_name="cursor")
    last_sequence = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.last_sequence)


class DeliveryStatus(models.TextChoices):
    """pending ⇄ sending → delivered │ failed; cancelled while its endpoint is disabled."""

    PENDING = "pending", gettext_lazy("Pending")
    SENDING = "sending", gettext_lazy("Being sent")
    DELIVERED = "delivered", gettext_lazy("Delivered")
    FAILED = "failed", gettext_lazy("Failed")
    CANCELLED = "cancelled", gettext_lazy("Cancelled")


UNSETTLED: Final = (DeliveryStatus.PENDING, DeliveryStatus.SENDING)


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Queries of deliveries."""

    def due(self) -> "DeliveryQuerySet":
        """Deliveries that could be sent now to endpoints whose last delivery succeeded, in the order of an index.

        One that is sent in order waits for those before it.
        """
        not_yet = Delivery.objects.filter(status__in=UNSETTLED, is_in_order=True, next_attempt_at__gt=Now())
        earlier = not_yet.filter(endpoint=models.OuterRef("endpoint"), sequence__lt=models.OuterRef("sequence"))
        # Whether there are earlier ones is read for each row, so only where an endpoint has any that waits.
        is_free = models.Q(is_in_order=False) | ~models.Q(endpoint__in=not_yet.values("endpoint"))
        return self.filter(
            is_free | ~models.Exists(earlier),
            status__in=UNSETTLED,
            next_attempt_at__lte=Now(),
            endpoint__is_active=True,
            endpoint__failures=0,
        ).order_by("endpoint_id", "sequence")


class Delivery(models.Model):
    """An event on its way to an endpoint. The table is the queue: it is sent when `next_attempt_at` has come.

    While it is being sent, that is the end of the worker's lease. `tries` counts since it was made, or sent again. With
    `is_in_order` it is sent after those before it of its kind. The event may be pruned earlier than the delivery.
    """

    endpoint = models.ForeignKey(
        WebhookEndpoint,
        verbose_name=gettext_lazy("endpoint"),
        on_delete=models.CASCADE,
        related_name="deliveries",
        db_index=False,
    )
    event = models.ForeignKey(
        Event, on_delete=models.DO_NOTHING, related_name="deliveries", db_index=False, db_constraint=False
    )
    type = models.CharField(gettext_lazy("type"), max_length=MAX_TYPE_LENGTH)
    sequence = models.BigIntegerField()
    previous_sequence = models.BigIntegerField(null=True)
    status = models.CharField(
        gettext_lazy("status"), max_length=9, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING
    )
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(null=True, db_default=Now())
    is_in_order = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(db_default=Now())

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = gettext_lazy("delivery")
        verbose_name_plural = gettext_lazy("deliveries")
        indexes = [
            # Ten endpoints make ten rows of each event: each further B-tree would cost the relay a tenth of its speed.
            BrinIndex(fields=["created_at"], name="webhook_delivery_age"),
            BrinIndex(fields=["event"], name="webhook_delivery_of_event"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "sequence"],
                name="webhook_delivery_on_its_way_once",
                condition=models.Q(status__in=[status.value for status in UNSETTLED]),
            ),
            models.CheckConstraint(
                name="webhook_delivery_status_known", condition=models.Q(status__in=DeliveryStatus.values)
            ),
            models.CheckConstraint(
                name="webhook_delivery_due_until_settled",
                condition=models.Q(status__in=[status.value for status in UNSETTLED], next_attempt_at__isnull=False)
                | (~models.Q(status__in=[status.value for status in UNSETTLED]) & models.Q(next_attempt_at=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.sequence}"

    @property
    def event_public_id(self) -> str:
        """The `id` of the event in the feed."""
        return f"evt_{self.event_id}"


class DeliveryAttempt(models.Model):
    """One attempt at a delivery: the status of the answer with its beginning, or the error without one."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    # Of the delivery, so that the last day of an endpoint is read from one index.
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    ms = models.PositiveIntegerField()
    answer = models.TextField(blank=True)
    error = models.CharField(max_length=MAX_REASON_LENGTH, blank=True)

    class Meta:
        ordering = ("id",)
        verbose_name = "delivery attempt"
        indexes = [
            models.Index(fields=["endpoint", "at"], include=["status", "ms"], name="webhook_attempt_of_endpoint")
        ]

    def __str__(self) -> str:
        return str(self.status or self.error)


def unsettled(**filters: Any) -> models.QuerySet[Delivery]:
    """Deliveries that are pending or being sent."""
    return Delivery.objects.filter(status__in=UNSETTLED, **filters)
