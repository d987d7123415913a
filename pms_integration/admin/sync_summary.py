"""What a sync run has found, in words: before the first write this is the matching report."""

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import ngettext

from pms_integration.models import SyncAction, SyncDifference, SyncResource, SyncRun

_BY_BARCODE: Final = Q(detail__startswith="Linked by barcode")
# What becomes of whole products comes first.
_ORDER: Final = (
    *(SyncAction.CREATE_HERE, SyncAction.LINK, SyncAction.AMBIGUOUS, SyncAction.ONLY_HERE, SyncAction.CREATE_THERE),
    *(SyncAction.ARCHIVE, SyncAction.TAKE_PMS, SyncAction.PUSH_LOCAL, SyncAction.CONFLICT, SyncAction.NONE),
)


def summary_of(run: SyncRun, *, with_cost: bool) -> list[tuple[str, str]]:
    """Sentences with the addresses of the differences that they count."""
    found = SyncDifference.objects.filter(run=run).order_by()
    if not with_cost:
        found = found.exclude(field__endswith=".cost")
    groups = found.values("resource", "action").annotate(
        rows=Count("pk"), products=Count("external_id", distinct=True), by_barcode=Count("pk", filter=_BY_BARCODE)
    )
    counted = {(group["resource"], group["action"]): group for group in groups}
    order = [(resource, action) for resource in SyncResource for action in _ORDER]
    return [
        (sentence, _address(run, *key))
        for key in order
        if key in counted
        for sentence in _sentences(*key, counted[key])
    ]


def _sentences(resource: str, action: str, group: Mapping[str, Any]) -> list[str]:
    rows, products = group["rows"], group["products"]
    if whole := _of_whole_rows(resource, action, rows):
        return [whole % {"count": number_format(rows)}]
    if action == SyncAction.LINK:
        by_barcode = group["by_barcode"]
        by_sku = rows - by_barcode
        linked = (
            (ngettext("%(count)s product is linked by SKU", "%(count)s products are linked by SKU", by_sku), by_sku),
            (
                ngettext(
                    "%(count)s product is linked by barcode", "%(count)s products are linked by barcode", by_barcode
                ),
                by_barcode,
            ),
        )
        return [text % {"count": number_format(count)} for text, count in linked if count]
    of_products = ngettext("%(count)s product", "%(count)s products", products) % {"count": number_format(products)}
    return [_of_values(action, rows) % {"count": number_format(rows), "products": of_products}]


def _of_whole_rows(resource: str, action: str, count: int) -> str:
    """What a product or a level as a whole is about; empty if single values are meant."""
    texts = {
        ("products", "create_here"): ngettext(
            "%(count)s product is made here", "%(count)s products are made here", count
        ),
        ("products", "create_there"): ngettext(
            "%(count)s product is made in the PMS", "%(count)s products are made in the PMS", count
        ),
        ("products", "ambiguous"): ngettext(
            "%(count)s product is ambiguous: somebody decides which of ours it is",
            "%(count)s products are ambiguous: somebody decides which of ours they are",
            count,
        ),
        ("products", "only_here"): ngettext(
            "%(count)s product is only here, and stays so", "%(count)s products are only here, and stay so", count
        ),
        ("products", "archive"): ngettext(
            "%(count)s product is archived here", "%(count)s products are archived here", count
        ),
        ("stock", "create_here"): ngettext("%(count)s level is made here", "%(count)s levels are made here", count),
        ("stock", "take_pms"): ngettext(
            "%(count)s level takes the PMS's figure", "%(count)s levels take the PMS's figures", count
        ),
        ("stock", "none"): ngettext(
            "%(count)s level differs where the stock is ours, and stays so",
            "%(count)s levels differ where the stock is ours, and stay so",
            count,
        ),
    }
    return texts.get((resource, action), "")


def _of_values(action: str, count: int) -> str:
    """What becomes of single values of products."""
    match action:
        case SyncAction.TAKE_PMS:
            return ngettext(
                "%(count)s value of %(products)s is taken from the PMS",
                "%(count)s values of %(products)s are taken from the PMS",
                count,
            )
        case SyncAction.PUSH_LOCAL:
            return ngettext(
                "%(count)s value of %(products)s is sent to the PMS",
                "%(count)s values of %(products)s are sent to the PMS",
                count,
            )
    return ngettext(
        "%(count)s value of %(products)s is in conflict: somebody decides",
        "%(count)s values of %(products)s are in conflict: somebody decides",
        count,
    )


def _address(run: SyncRun, resource: str, action: str) -> str:
    page = reverse("admin:pms_integration_syncdifference_changelist")
    query = {"run": str(run.pk), "resource__exact": resource, "action__exact": action}
    return f"{page}?{urlencode(query)}"
