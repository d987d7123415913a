"""Variants: what is counted and sold."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Collate, Lower, Now
from django.utils.translation import gettext_lazy as _

from products.barcodes import validate_barcode
from products.models.categories import MAX_NAME_LENGTH
from products.models.products import PRICE_DECIMALS, PRICE_DIGITS, Product
from products.skus import MAX_SKU_KEY_LENGTH, MAX_SKU_LENGTH

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MAX_BARCODE_LENGTH = 100


class BarcodeField(models.CharField):  # type: ignore[type-arg]  # not subscriptable at run time
    """A barcode; the check digit of a GTIN is verified."""

    default_validators = [validate_barcode]

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Describes a plain column of text, so that migrations import no code of this project."""
        name, _path, arguments, options = super().deconstruct()
        return name, "django.db.models.CharField", arguments, options


def _amount_field(label: "StrOrPromise") -> "models.DecimalField[Decimal | str | None, Decimal | None]":
    return models.DecimalField(
        label,
        max_digits=PRICE_DIGITS,
        decimal_places=PRICE_DECIMALS,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
    )


class Variant(models.Model):
    """One form of a product that can be counted and sold: it has the SKU, the price and the stock."""

    product = models.ForeignKey(Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="variants")
    sku = models.CharField(_("SKU"), max_length=MAX_SKU_LENGTH)
    sku_key = models.CharField(max_length=MAX_SKU_KEY_LENGTH, editable=False)
    barcode = BarcodeField(_("barcode"), max_length=MAX_BARCODE_LENGTH, blank=True)
    name = models.CharField(_("name"), max_length=MAX_NAME_LENGTH, blank=True)
    price = _amount_field(_("price"))
    currency = models.CharField(_("currency"), max_length=3)
    compare_at_price = _amount_field(_("compare-at price"))
    cost = _amount_field(_("cost"))
    weight_grams = models.PositiveIntegerField(_("weight in grams"), null=True, blank=True)
    options = models.JSONField(_("options"), default=dict, blank=True)
    position = models.PositiveIntegerField(_("position"), default=0)
    is_archived = models.BooleanField(_("archived"), default=False, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("variant")
        verbose_name_plural = _("variants")
        ordering = ("product", "position", "id")
        indexes = [
            models.Index(fields=["barcode"], name="products_variant_barcode"),
            models.Index(fields=["updated_at", "id"], name="products_variant_by_updated"),
        ]
        constraints = [
            # Checked at the end of each statement, so that one statement may swap SKUs between variants.
            models.UniqueConstraint(
                fields=["sku_key"], name="products_variant_sku_key_unique", deferrable=models.Deferrable.IMMEDIATE
            ),
            models.CheckConstraint(
                name="products_variant_has_a_sku", condition=~models.Q(sku="") & ~models.Q(sku_key="")
            ),
            # PostgreSQL 15 does not fold case as Unicode does, so only `skus.sku_key` checks other keys.
            models.CheckConstraint(
                name="products_variant_sku_key_of_ascii",
                condition=models.Q(sku__regex="[^ -~]") | models.Q(sku_key=Lower(Collate("sku", "C"))),
            ),
            *(
                models.CheckConstraint(
                    name=f"products_variant_{name}_not_negative",
                    condition=models.Q((f"{name}__isnull", True)) | models.Q((f"{name}__gte", 0)),
                )
                for name in ("price", "compare_at_price", "cost")
            ),
            models.CheckConstraint(
                name="products_variant_currency_is_iso_4217", condition=models.Q(currency__regex=r"^[A-Z]{3}$")
            ),
        ]

    def __str__(self) -> str:
        return self.sku
