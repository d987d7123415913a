"""Connections to a PMS."""

from datetime import timedelta
from typing import Any

import orjson
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inventory.models import Location
from pms_backend.access.encryption import EncryptedTextField
from pms_backend.outbound.circuit import Circuit, CircuitStatus
from products.models import MAX_NAME_LENGTH, MAX_TAG_LENGTH, Category

MAX_EXTERNAL_ID_LENGTH = 255
MAX_REASON_LENGTH = 1_000
MAX_KIND_LENGTH = 50
MAX_BASE_URL_LENGTH = 1_000
MIN_SYNC_SECONDS = 60
# A clock that is further off is not believed.
MAX_CLOCK_OFFSET = timedelta(days=1)
STANDARD = "standard"


class FieldGroupOwner(models.TextChoices):
    """Whose values of a group of a product's fields hold; those of a shared group are merged."""

    PMS = "pms"
    LOCAL = "local"
    SHARED = "shared"


class StockOwner(models.TextChoices):
    """Whose quantities hold at a location."""

    PMS = "pms"
    LOCAL = "local"


class PublishMode(models.TextChoices):
    """Which products are made at a PMS that does not have them."""

    MANUAL = "manual"
    ALL = "all"


# A group is `content`, `price` or `publication`.
FIELD_GROUPS = ("content", "price", "publication")


class PMSConnectionQuerySet(models.QuerySet["PMSConnection"]):
    """Queries of connections."""

    def unreachable(self) -> "PMSConnectionQuerySet":
        """Active connections whose circuit is not closed."""
        return self.called().exclude(circuit=CircuitStatus.CLOSED.value)

    def last_call_failed(self) -> "PMSConnectionQuerySet":
        """Active connections whose last call failed or was refused, while the circuit is closed."""
        return self.called().filter(circuit=CircuitStatus.CLOSED.value).exclude(last_error="")

    def called(self) -> "PMSConnectionQuerySet":
        """Active connections whose PMS is called."""
        return self.filter(is_active=True, base_url__isnull=False)


class PMSConnection(models.Model):
    """A configured PMS. `kind` is a key of `connectors.CONNECTORS`; without a `base_url` the PMS is not called.

    `circuit`, `failures` and `next_try_at` are the circuit breaker's (`pms_backend/outbound/circuit.py`). While
    `is_paused`, nothing is pushed.
    """

    slug = models.SlugField(_("slug"), unique=True, max_length=50)
    name = models.CharField(_("name"), max_length=255)
    kind = models.CharField(_("kind"), max_length=MAX_KIND_LENGTH, default=STANDARD)
    is_active = models.BooleanField(_("is active"), default=True)
    is_paused = models.BooleanField(default=False, db_default=False)
    secret = EncryptedTextField()
    previous_secret = EncryptedTextField(null=True, blank=True)
    previous_secret_until = models.DateTimeField(null=True, editable=False)
    base_url = models.CharField(_("base URL"), max_length=MAX_BASE_URL_LENGTH, null=True, blank=True)
    # A JSON object of texts.
    credentials = EncryptedTextField(null=True, blank=True)
    circuit = models.CharField(
        max_length=9,
        choices=[(status.value, status.value) for status in CircuitStatus],
        default=CircuitStatus.CLOSED.value,
        db_default=CircuitStatus.CLOSED.value,
        editable=False,
    )
    failures = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    next_try_at = models.DateTimeField(null=True, editable=False)
    last_contact_at = models.DateTimeField(_("last contact at"), null=True, editable=False)
    # How far the PMS's clock is ahead of ours (`services/clocks.py`).
    clock_offset = models.DurationField(_("clock offset"), default=timedelta(), db_default=timedelta(), editable=False)
    last_error = models.CharField(max_length=MAX_REASON_LENGTH, blank=True, db_default="", editable=False)
    sync_every_seconds = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(MIN_SYNC_SECONDS)]
    )
    content_owner = models.CharField(
        max_length=6, choices=FieldGroupOwner.choices, default=FieldGroupOwner.PMS, db_default="pms", editable=False
    )
    price_owner = models.CharField(
        max_length=6, choices=FieldGroupOwner.choices, default=FieldGroupOwner.PMS, db_default="pms", editable=False
    )
    publication_owner = models.CharField(
        max_length=6, choices=FieldGroupOwner.choices, default=FieldGroupOwner.PMS, db_default="pms", editable=False
    )
    # With `all`, active products that have one of the values of each list that is not empty.
    publish_mode = models.CharField(
        max_length=6, choices=PublishMode.choices, default=PublishMode.MANUAL, db_default="manual", editable=False
    )
    publish_categories = ArrayField(
        models.CharField(max_length=MAX_NAME_LENGTH), default=list, db_default=[], editable=False
    )
    publish_tags = ArrayField(models.CharField(max_length=MAX_TAG_LENGTH), default=list, db_default=[], editable=False)
    publish_brands = ArrayField(
        models.CharField(max_length=MAX_NAME_LENGTH), default=list, db_default=[], editable=False
    )
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)

    objects = PMSConnectionQuerySet.as_manager()

    class Meta:
        ordering = ("slug",)
        verbose_name = _("PMS connection")
        verbose_name_plural = _("PMS connections")
        constraints = [
            models.CheckConstraint(
                name="pms_connection_circuit_known",
                condition=models.Q(circuit__in=[status.value for status in CircuitStatus]),
            ),
            models.CheckConstraint(
                name="pms_connection_open_until_a_moment",
                condition=models.Q(circuit=CircuitStatus.CLOSED.value) | models.Q(next_try_at__isnull=False),
            ),
            models.CheckConstraint(
                name="pms_connection_clock_offset_in_bounds",
                condition=models.Q(clock_offset__gte=-MAX_CLOCK_OFFSET, clock_offset__lte=MAX_CLOCK_OFFSET),
            ),
            models.CheckConstraint(
                name="pms_connection_previous_secret_ends",
                condition=models.Q(previous_secret__isnull=True, previous_secret_until__isnull=True)
                | models.Q(previous_secret__isnull=False, previous_secret_until__isnull=False),
            ),
            models.CheckConstraint(
                name="pms_connection_owners_known",
                condition=models.Q(
                    content_owner__in=FieldGroupOwner.values,
                    price_owner__in=FieldGroupOwner.values,
                    publication_owner__in=FieldGroupOwner.values,
                ),
            ),
            models.CheckConstraint(
                name="pms_connection_publish_mode_known", condition=models.Q(publish_mode__in=PublishMode.values)
            ),
            models.CheckConstraint(
                name="pms_connection_sync_interval",
                condition=models.Q(sync_every_seconds__isnull=True)
                | models.Q(sync_every_seconds__gte=MIN_SYNC_SECONDS),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_called(self) -> bool:
        """Whether the PMS is called; otherwise it only sends webhooks, or is switched off."""
        return self.is_active and self.base_url is not None

    @property
    def previous_is_valid(self) -> bool:
        """Whether the secret before the last rotation may still sign webhooks."""
        return self.previous_secret_until is not None and timezone.now() < self.previous_secret_until

    @property
    def credential_values(self) -> dict[str, str]:
        """The credentials by their names."""
        return orjson.loads(self.credentials) if self.credentials else {}

    @property
    def ownership(self) -> dict[str, str]:
        """Who owns each group of a product's fields."""
        return {group: getattr(self, f"{group}_owner") for group in FIELD_GROUPS}

    @property
    def publishes(self) -> dict[str, Any]:
        """Which products are made there."""
        return {
            "mode": self.publish_mode,
            "categories": self.publish_categories,
            "tags": self.publish_tags,
            "brands": self.publish_brands,
        }

    @property
    def circuit_state(self) -> Circuit:
        """The state of the circuit breaker."""
        return Circuit(CircuitStatus(self.circuit), self.failures, self.next_try_at)


class PMSLocation(models.Model):
    """A location of ours and its id in the PMS, and whether the PMS owns the stock there."""

    connection = models.ForeignKey(PMSConnection, on_delete=models.CASCADE, related_name="locations", db_index=False)
    location = models.ForeignKey(
        Location, on_delete=models.PROTECT, related_name="pms_locations", verbose_name=_("location")
    )
    external_id = models.CharField(_("external id"), max_length=MAX_EXTERNAL_ID_LENGTH)
    owns_stock = models.BooleanField(
        _("owns stock"), default=False, help_text=_("Whether the PMS's figures are the truth here.")
    )

    class Meta:
        verbose_name = _("PMS location")
        verbose_name_plural = _("PMS locations")
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="pms_location_external_id_unique"),
            models.UniqueConstraint(fields=["connection", "location"], name="pms_location_mapped_once"),
            models.UniqueConstraint(
                fields=["location"], name="pms_location_one_owner", condition=models.Q(owns_stock=True)
            ),
        ]

    def __str__(self) -> str:
        return self.external_id

    @property
    def location_code(self) -> str:
        """Our code of the location."""
        return self.location.code


class PMSCategory(models.Model):
    """The name by which a PMS calls a category of ours, where it is neither its slug nor its name."""

    connection = models.ForeignKey(PMSConnection, on_delete=models.CASCADE, related_name="categories", db_index=False)
    category = models.ForeignKey(
        Category, on_delete=models.CASCADE, related_name="pms_categories", verbose_name=_("category")
    )
    external_name = models.CharField(_("name in the PMS"), max_length=MAX_NAME_LENGTH)

    class Meta:
        ordering = ("external_name",)
        verbose_name = _("PMS category")
        verbose_name_plural = _("PMS categories")
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_name"], name="pms_category_name_once"),
            models.UniqueConstraint(fields=["connection", "category"], name="pms_category_mapped_once"),
        ]

    def __str__(self) -> str:
        return self.external_name
