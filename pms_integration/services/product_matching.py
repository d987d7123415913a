"""Matches the products that a PMS reports with ours: by their link, by SKU, or by barcode. It writes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from django.db import connection

from pms_backend.api.arrays import as_array
from pms_integration.models import MAX_REASON_LENGTH, PMSConnection, PMSProduct
from pms_integration.services.outcomes import Match
from pms_integration.services.valid_reports import ExternalProduct
from products.models import Variant
from products.skus import sku_key

# SKUs or barcodes in the reason of a conflict.
MAX_NAMED: Final = 5

# For each barcode the first two variants that have it, those of products without a link at this connection first. What
# is archived is not named by its barcode. A barcode may be a word such as "none", which thousands of variants have.
_BARCODES: Final = """
SELECT named.barcode, named.id, named.sku, named.product_id, named.is_linked
FROM (
    SELECT variant.barcode, variant.id, variant.sku, variant.product_id, link.id IS NOT NULL AS is_linked,
        row_number() OVER (PARTITION BY variant.barcode ORDER BY link.id IS NOT NULL, variant.id) AS number
    FROM products_variant AS variant
    JOIN products_product AS product ON product.id = variant.product_id
    LEFT JOIN pms_integration_pmsproduct AS link ON link.connection_id = %s AND link.product_id = product.id
        AND link.external_id IS NOT NULL
    WHERE variant.barcode = ANY(%s::text[]) AND NOT variant.is_archived AND product.status <> 'archived'
) AS named
WHERE named.number <= 2
ORDER BY named.barcode, named.number
"""


@dataclass(frozen=True, slots=True)
class MatchedVariant:
    """A variant of ours, with the SKU that it has, and that of the report's variant with the same barcode."""

    id: int
    sku: str
    new_sku: str

    @property
    def key(self) -> str:
        """The key of the new SKU."""
        return sku_key(self.new_sku)


@dataclass(frozen=True, slots=True)
class ProductMatch:
    """The product of ours that a report means, None for a new one; `variants` are those that get its SKUs.

    `reason` says why it is a conflict.
    """

    kind: Match
    product_id: int | None = None
    variants: tuple[MatchedVariant, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Named:
    """A variant that a barcode names."""

    id: int
    sku: str
    product_id: int


class ProductMatcher:
    """Matches reports that have no product and no SKU in common, in turn, by a constant number of statements.

    It reads the catalogue once. A report whose match depends on what one before it writes cannot be matched yet.
    """

    def __init__(self, pms: PMSConnection, reports: Sequence[tuple[ExternalProduct, PMSProduct]]) -> None:
        keys = {sku_key(variant["sku"]) for report, _ in reports for variant in _variants(report)}
        self._owners = dict(Variant.objects.filter(sku_key__in=keys).values_list("sku_key", "product_id"))
        linked = PMSProduct.objects.filter(connection=pms, product__in=set(self._owners.values()))
        linked = linked.filter(external_id__isnull=False)
        self._linked = set(linked.values_list("product_id", flat=True))
        self._named = _named_by_barcode(
            pms,
            {
                barcode
                for report, row in reports
                if row.product_id is None and not self._owners_of(report)
                for barcode in _barcodes(report)
            },
        )
        # What the reports before this one write: their products, those that they link, and their barcodes.
        self._changed: set[int] = set()
        self._new_links: set[int] = set()
        self._written: set[str] = set()

    def match(self, report: ExternalProduct, row: PMSProduct) -> ProductMatch | None:
        """How the report matches; None if it has to be matched again after those before it are written.

        Unless it is a conflict, the caller writes the report.
        """
        match = self._match(report, row)
        if match is not None and match.kind != Match.CONFLICT:
            self._written |= _barcodes(report).keys()
            if match.product_id is not None:
                self._changed.add(match.product_id)
                if row.product_id is None:
                    self._new_links.add(match.product_id)
        return match

    def _match(self, report: ExternalProduct, row: PMSProduct) -> ProductMatch | None:
        owners = self._owners_of(report)
        others = {product_id: skus for product_id, skus in owners.items() if product_id != row.product_id}
        if others.keys() & self._new_links:
            return None
        if row.product_id is not None:
            linked = ProductMatch(Match.LINKED, row.product_id)
            return _conflict("SKU", *others.values(), of="another product") if others else linked
        if not owners:
            return self._match_barcodes(report)
        if len(owners) > 1:
            return _conflict("SKU", *owners.values(), of="several products")
        if owners.keys() & self._linked:
            return _conflict("SKU", *owners.values(), of="a product that is linked to another product of the PMS")
        return ProductMatch(Match.SKU, next(iter(owners)))

    def _match_barcodes(self, report: ExternalProduct) -> ProductMatch | None:
        indexes = _barcodes(report)
        named = {barcode: self._named[barcode] for barcode in indexes if barcode in self._named}
        products = {one.product_id for found in named.values() for one in found}
        if not named:
            return ProductMatch(Match.NEW)
        if products & self._changed or named.keys() & self._written:
            return None
        if ambiguous := [barcode for barcode, found in named.items() if len(found) > 1]:
            return _conflict("barcode", ambiguous, of="several variants")
        if repeated := [barcode for barcode in named if len(indexes[barcode]) > 1]:
            return _conflict("barcode", repeated, of="several variants of the PMS's product")
        if len(products) > 1:
            return _conflict("barcode", named, of="several products")
        skus = [variant["sku"] for variant in _variants(report)]
        variants = [MatchedVariant(one.id, one.sku, skus[indexes[barcode][0]]) for barcode, (one,) in named.items()]
        return ProductMatch(Match.BARCODE, next(iter(products)), tuple(variants))

    def _owners_of(self, report: ExternalProduct) -> dict[int, list[str]]:
        """The products that have SKUs of the report, and these SKUs."""
        owners: dict[int, list[str]] = {}
        for variant in _variants(report):
            owner = self._owners.get(sku_key(variant["sku"]))
            if owner is not None:
                owners.setdefault(owner, []).append(variant["sku"])
        return owners


def _variants(report: ExternalProduct) -> Iterable[dict[str, Any]]:
    return report.data["variants"] if report.data is not None else ()


def _barcodes(report: ExternalProduct) -> dict[str, list[int]]:
    """The barcodes of the report's variants, and the indexes of these."""
    indexes: dict[str, list[int]] = {}
    for index, variant in enumerate(_variants(report)):
        if barcode := variant.get("barcode"):
            indexes.setdefault(barcode, []).append(index)
    return indexes


def _named_by_barcode(pms: PMSConnection, barcodes: set[str]) -> dict[str, list[_Named]]:
    """The variants that the barcodes name, two at most; without barcodes that name nothing that could be linked."""
    if not barcodes:
        return {}
    named: dict[str, list[_Named]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_BARCODES, [pms.pk, as_array(sorted(barcodes))])
        for barcode, pk, sku, product_id, is_linked in cursor.fetchall():
            if not is_linked or barcode in named:
                named.setdefault(barcode, []).append(_Named(pk, sku, product_id))
    return named


def _conflict(kind: str, *names: Iterable[str], of: str) -> ProductMatch:
    """The conflict that these SKUs or barcodes belong to what `of` says."""
    each = sorted(chain.from_iterable(names))
    shown = ", ".join(each[:MAX_NAMED]) + (f" and {len(each) - MAX_NAMED} more" if len(each) > MAX_NAMED else "")
    belong = f"The {kind} {shown} belongs to" if len(each) == 1 else f"The {kind}s {shown} belong to"
    return ProductMatch(Match.CONFLICT, reason=f"{belong} {of}."[:MAX_REASON_LENGTH])
