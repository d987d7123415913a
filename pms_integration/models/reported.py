"""The values that PMSs last reported, and what has to be asked for."""

from typing import Final

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from inventory.models import Location
from pms_backend.api.moments import moment_constraint
from pms_integration.connectors.contract import MAX_WEBHOOK_ID_LENGTH, Resource
from pms_integration.models.connections import MAX_EXTERNAL_ID_LENGTH, MAX_REASON_LENGTH, PMSConnection
from products.models import Product, Variant


class PMSProductState(models.TextChoices):
    """The state of the link between a product of the PMS and ours, of these the last that fits."""

    IN_SYNC = "in_sync", _("In Sync")
    PENDING_PUSH = "pending_push", _("Pending Push")
    CONFLICT = "conflict", _("Conflict")
    ERROR = "error", _("Error")


# Of a product on whose values, or on which product it is, staff have to decide.
_HAS_CONFLICT: Final = ~models.Q(match_problem="") | ~models.Q(conflict={})


class PMSProductQuerySet(models.QuerySet["PMSProduct"]):
    """Queries of the products of PMSs."""

    def in_state(self, state: str) -> "PMSProductQuerySet":
        """The rows of `with_state` in one state; those in conflict are found by their index."""
        rows = self.filter(_HAS_CONFLICT) if state == PMSProductState.CONFLICT else self
        return rows.with_state().filter(models.Q(("state", state)))

    def with_state(self) -> "PMSProductQuerySet":
        """The rows with `state`, and with `why`, what there is to say about it."""
        is_refused = models.Q(push__isnull=False, push__due_at__isnull=True)
        is_waiting = models.Q(push__isnull=False)
        return self.annotate(
            state=models.Case(
                models.When(is_refused, then=models.Value(PMSProductState.ERROR.value)),
                models.When(_HAS_CONFLICT, then=models.Value(PMSProductState.CONFLICT.value)),
                models.When(is_waiting, then=models.Value(PMSProductState.PENDING_PUSH.value)),
                default=models.Value(PMSProductState.IN_SYNC.value),
                output_field=models.CharField(),
            ),
            why=models.Case(
                models.When(is_refused, then=models.F("push__error")),
                models.When(~models.Q(match_problem=""), then=models.F("match_problem")),
                models.When(_HAS_CONFLICT, then=models.F("reason")),
                models.When(~models.Q(push__error="") & is_waiting, then=models.F("push__error")),
                default=models.F("reason"),
                output_field=models.CharField(),
            ),
        )


class PMSProduct(models.Model):
    """A product of the PMS and the product of ours that it is linked to; it stays when the PMS deletes it.

    Without an `external_id` it is to be made there. `reported`, `agreed` and `conflict` have the values of fields by
    their names (`services/product_fields.py`): those that the PMS told last; the pair (theirs, ours) that both sides
    agreed on last; and those on which they do not agree, as the API shows them.
    """

    connection = models.ForeignKey(
        PMSConnection, on_delete=models.PROTECT, related_name="products", db_index=False, verbose_name=_("connection")
    )
    external_id = models.CharField(_("external id"), max_length=MAX_EXTERNAL_ID_LENGTH, null=True)
    product = models.ForeignKey(
        Product, null=True, on_delete=models.PROTECT, related_name="pms_products", verbose_name=_("product")
    )
    version = models.BigIntegerField(_("version"), null=True)
    # The SHA-256 of the content at `version`, in hexadecimal, by which a repeated report is known.
    digest = models.CharField(max_length=64, blank=True)
    # What was noted when the last report was applied.
    reason = models.CharField(max_length=MAX_REASON_LENGTH, blank=True)
    # Why the last report could not be matched with a product of ours.
    match_problem = models.CharField(max_length=MAX_REASON_LENGTH, blank=True, db_default="")
    payload = models.JSONField(_("payload"), default=dict)
    reported = models.JSONField(default=dict, db_default={})
    agreed = models.JSONField(default=dict, db_default={})
    conflict = models.JSONField(default=dict, db_default={})
    is_deleted = models.BooleanField(_("is deleted"), default=False)
    # Complete lists in a row in which it was missing.
    missed_lists = models.PositiveSmallIntegerField(default=0, db_default=0)
    updated_at = models.DateTimeField(_("updated at"), db_default=Now())
    # When the PMS took a push of ours last.
    pushed_at = models.DateTimeField(_("pushed at"), null=True)

    objects = PMSProductQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("PMS product")
        verbose_name_plural = _("PMS products")
        indexes = [models.Index(fields=["id"], name="pms_product_in_conflict", condition=_HAS_CONFLICT)]
        constraints = [
            models.CheckConstraint(
                name="pms_product_is_there_or_here",
                condition=models.Q(external_id__isnull=False) | models.Q(product__isnull=False),
            ),
            models.UniqueConstraint(fields=["connection", "external_id"], name="pms_product_once"),
            models.UniqueConstraint(
                fields=["connection", "product"],
                name="pms_product_of_one_product",
                condition=models.Q(product__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.external_id or f"{self.product}, not made there yet"


class PMSVariant(models.Model):
    """A variant of the PMS and ours: `external_id` is the PMS's id of it, `other_ids` are more by which it names it."""

    connection = models.ForeignKey(
        PMSConnection, on_delete=models.PROTECT, related_name="variants", db_index=False, verbose_name=_("connection")
    )
    external_id = models.CharField(_("external id"), max_length=MAX_EXTERNAL_ID_LENGTH)
    other_ids = ArrayField(
        models.CharField(max_length=MAX_EXTERNAL_ID_LENGTH), default=list, verbose_name=_("other ids")
    )
    variant = models.ForeignKey(
        Variant, on_delete=models.PROTECT, related_name="pms_variants", verbose_name=_("variant")
    )

    class Meta:
        ordering = ("-id",)
        verbose_name = _("PMS variant")
        verbose_name_plural = _("PMS variants")
        indexes = [GinIndex(fields=["other_ids"], name="pms_variant_other_ids")]
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="pms_variant_once"),
        ]

    def __str__(self) -> str:
        return self.external_id


class PMSRefetch(models.Model):
    """A resource of the PMS that has to be asked for, because a webhook did not say how it has changed."""

    connection = models.ForeignKey(PMSConnection, on_delete=models.PROTECT, related_name="refetches", db_index=False)
    resource = models.CharField(max_length=20, choices=[(resource.value, resource.value) for resource in Resource])
    external_id = models.CharField(max_length=MAX_EXTERNAL_ID_LENGTH)
    requested_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    # The end of the lease of the worker that asks for it. Of each connection, one worker at a time has leases.
    leased_until = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Whether the PMS gets what its figures differ by where we own the stock.
    corrects = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering = ("id",)
        verbose_name = _("PMS refetch")
        verbose_name_plural = _("PMS refetches")
        indexes = [
            models.Index(fields=["connection", "due_at", "id"], name="pms_refetch_due"),
            models.Index(
                fields=["connection"], name="pms_refetch_leased", condition=models.Q(leased_until__isnull=False)
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["connection", "resource", "external_id"], name="pms_refetch_once"),
            models.CheckConstraint(
                name="pms_refetch_resource_known",
                condition=models.Q(resource__in=[resource.value for resource in Resource]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.external_id}"


class PMSStock(models.Model):
    """The quantity that a PMS last reported of a variant at a location, even one where we have no level.

    It came with a webhook, or it was asked for and came at `pulled_at`.
    """

    connection = models.ForeignKey(
        PMSConnection, on_delete=models.PROTECT, related_name="stock", db_index=False, verbose_name=_("connection")
    )
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="pms_stock", verbose_name=_("variant"))
    location = models.ForeignKey(
        Location, on_delete=models.PROTECT, related_name="pms_stock", verbose_name=_("location")
    )
    on_hand = models.BigIntegerField(_("on hand"))
    reported_at = models.DateTimeField(_("reported at"))
    version = models.BigIntegerField(_("version"), null=True)
    webhook_id = models.CharField(_("webhook id"), max_length=MAX_WEBHOOK_ID_LENGTH, blank=True, db_default="")
    pulled_at = models.DateTimeField(null=True)
    # When the PMS told of it first.
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # The moment of the last figure that was applied, because the PMS owned the stock or its quantities were taken: the
    # level has what the PMS changed until then.
    included_until = models.DateTimeField(null=True)
    # The moment of the latest figure that was not later than the level's latest count, where the last applied one is.
    before_count_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("PMS stock")
        verbose_name_plural = _("PMS stock")
        constraints = [
            models.UniqueConstraint(fields=["connection", "variant", "location"], name="pms_stock_once"),
            moment_constraint("pms_integration_pmsstock", "reported_at"),
            models.CheckConstraint(
                name="pms_stock_included_until_a_figure",
                condition=models.Q(included_until=None) | models.Q(included_until__lte=models.F("reported_at")),
            ),
            models.CheckConstraint(
                name="pms_stock_of_a_webhook_or_pulled",
                condition=models.Q(pulled_at__isnull=False, webhook_id="")
                | (models.Q(pulled_at__isnull=True) & ~models.Q(webhook_id="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.variant} at {self.location}: {self.on_hand}"
