"""Items by their codes, and products by their words, as the API's search finds them."""

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Case, OrderBy, QuerySet, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from inventory.admin.scan_desk import scan_url
from inventory.item_codes import skus_by_code
from pms_backend.access.visibility import sees_stock
from pms_backend.operations.search.results import Group, Hit, Precedence, list_url
from pms_backend.operations.search.rows import may_view
from products.filters import matches_of
from products.handles import clean_handle
from products.models import Product, Variant
from products.queries import with_stock
from products.search import query_of
from products.skus import sku_key
from products.sorting import best_first, newest_matches

ITEM_ICON: Final = "barcode_scanner"
PRODUCT_ICON: Final = "sell"


def find_items(request: HttpRequest, text: str, limit: int) -> list[Group]:
    """The items with this SKU or barcode, else those of the products found; and the products.

    An item leads to the scan desk for those who see stock, to its product for others, who find it by its code alone.
    """
    shows_stock, shows_products = sees_stock(request), may_view(request, Product)
    if not (shows_stock or shows_products):
        return []
    products = list(_products(text)[: limit + 1])
    skus = skus_by_code([text])[text]
    if skus:
        items = Variant.objects.filter(sku_key__in=[sku_key(sku) for sku in skus]).order_by("is_archived", "sku_key")
    else:
        items = _items_of(products[:limit] if shows_stock else [])
    variants = list(_as_shown(items, shows_stock=shows_stock)[: limit + 1])
    hits = [_hit_of_item(variant, is_exact=bool(skus), shows_stock=shows_stock) for variant in variants[:limit]]
    has_more = len(variants) > limit or (not skus and len(products) > limit)
    all_url = list_url("inventory_stocklevel", q=text) if shows_stock and has_more else ""
    groups = [Group(title=_("Items"), precedence=Precedence.ITEM, hits=hits, all_url=all_url)]
    return [*groups, _group_of_products(text, products, limit)] if shows_products else groups


def _products(text: str) -> QuerySet[Product]:
    """The product with this handle, then those of any status that the API's search finds, in its order."""
    query, handle = query_of(text), clean_handle(text)
    found = Product.objects.filter(handle=handle).only("name", "status", "brand")
    if query is None:
        return found
    rank: Any = best_first(query).key
    is_exact_first = Case(When(handle=handle, then=0), default=1)
    return (found | newest_matches(matches_of(Product.objects.all(), query))).order_by(
        is_exact_first, OrderBy(rank, descending=True), "-pk"
    )


def _items_of(products: Sequence[Product]) -> QuerySet[Variant]:
    """The current variants of these products, in their order."""
    if not products:
        return Variant.objects.none()
    order = Case(*(When(product=product.pk, then=place) for place, product in enumerate(products)))
    return Variant.objects.filter(product__in=products, is_archived=False).order_by(order, "position", "pk")


def _as_shown(variants: QuerySet[Variant], *, shows_stock: bool) -> QuerySet[Variant]:
    shown = variants.select_related("product").only("sku", "name", "is_archived", "product__name")
    return with_stock(shown) if shows_stock else shown


def _hit_of_item(variant: Any, *, is_exact: bool, shows_stock: bool) -> Hit:
    details = [variant.product.name, variant.name, _("Archived") if variant.is_archived else ""]
    if shows_stock:
        on_hand, available = variant.stock_on_hand, variant.stock_on_hand - variant.stock_reserved
        figures = {"on_hand": number_format(on_hand), "available": number_format(available)}
        details.append(_("%(on_hand)s on hand, %(available)s available") % figures)
    return Hit(
        url=scan_url(q=variant.sku) if shows_stock else _page_of(variant.product_id),
        icon=ITEM_ICON,
        title=variant.sku,
        details=details,
        is_exact=is_exact,
    )


def _group_of_products(text: str, products: Sequence[Product], limit: int) -> Group:
    return Group(
        title=_("Products"),
        hits=[
            Hit(
                url=_page_of(product.pk),
                icon=PRODUCT_ICON,
                title=product.name,
                details=(product.get_status_display(), product.brand),
            )
            for product in products[:limit]
        ],
        all_url=list_url("products_product", q=text) if len(products) > limit else "",
    )


def _page_of(product_id: int) -> str:
    return reverse("admin:products_product_change", args=[product_id])
