"""What a sync run has found, in words: before the first write this is the matching report."""

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.http import urlencode

from pms_integration.models import SyncAction, SyncDifference, SyncResource, SyncRun

_BY_BARCODE: Final = Q(detail__startswith="Linked by barcode")
# What becomes of whole products comes first.
_ORDER: Final = (
    *(SyncAction.CREATE_HERE, SyncAction.LINK, SyncAction.AMBIGUOUS, SyncAction.ONLY_HERE, SyncAction.CREATE_THERE),
    *(SyncAction.ARCHIVE, SyncAction.TAKE_PMS, SyncAction.PUSH_LOCAL, SyncAction.CONFLICT, SyncAction.NONE),
)
# What a product or a level as a whole is about: one of them, and several.
_WHOLE: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("products", "create_here"): ("product is made here", "products are made here"),
    ("products", "create_there"): ("product is made in the PMS", "products are made in the PMS"),
    ("products", "ambiguous"): (
        "product is ambiguous: somebody decides which of ours it is",
        "products are ambiguous: somebody decides which of ours they are",
    ),
    ("products", "only_here"): ("product is only here, and stays so", "products are only here, and stay so"),
    ("products", "archive"): ("product is archived here", "products are archived here"),
    ("stock", "create_here"): ("level is made here", "levels are made here"),
    ("stock", "take_pms"): ("level takes the PMS's figure", "levels take the PMS's figures"),
    ("stock", "none"): (
        "level differs where the stock is ours, and stays so",
        "levels differ where the stock is ours, and stay so",
    ),
}
# What becomes of single values of products.
_VALUES: Final = {
    "take_pms": "taken from the PMS",
    "push_local": "sent to the PMS",
    "conflict": "in conflict: somebody decides",
}


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
    if (resource, action) in _WHOLE:
        one, several = _WHOLE[resource, action]
        return [f"{rows:,} {one if rows == 1 else several}"]
    if action == SyncAction.LINK:
        by = (("SKU", rows - group["by_barcode"]), ("barcode", group["by_barcode"]))
        return [f"{_products(count)} {_are(count)} linked by {name}" for name, count in by if count]
    value = "value" if rows == 1 else "values"
    return [f"{rows:,} {value} of {_products(products)} {_are(rows)} {_VALUES.get(action, action)}"]


def _products(count: int) -> str:
    return f"{count:,} product{'' if count == 1 else 's'}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _address(run: SyncRun, resource: str, action: str) -> str:
    page = reverse("admin:pms_integration_syncdifference_changelist")
    query = {"run": str(run.pk), "resource__exact": resource, "action__exact": action}
    return f"{page}?{urlencode(query)}"
