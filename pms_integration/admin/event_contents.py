"""What a received webhook is about, as its connector reads the body, and what it has made here."""

import re
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_lazy

from inventory.models import StockMovement
from pms_backend.api.parsers import load_signed_json
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import DeletionReport, DeltaReport, FigureReport, ProductReport
from pms_integration.models import PMSEvent, PMSProduct
from products.models import Variant
from products.skus import as_sku_key

# The list reads what bodies of so many bytes are about; those of stock have a few hundred.
MAX_LISTED_BYTES: Final = 2_000
# Of one webhook, on its page: names, and reports that may have made a movement.
MAX_SHOWN: Final = 100

_IN_WORDS: Final = {
    "stale": gettext_lazy("An older version than the one we have, or the same again."),
    "superseded": gettext_lazy("A later figure or count includes it already."),
    "unknown_type": gettext_lazy("We use no events of this type."),
    "nothing_reported": gettext_lazy("It reports nothing that we store."),
}
_CODE: Final = re.compile(r"[a-z]+(_[a-z]+)*: ")


@dataclass(frozen=True, slots=True)
class Contents:
    """The SKUs and the PMS's ids of products that a webhook names."""

    skus: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


def contents_of(event: PMSEvent, body: bytes) -> Contents:
    """What the body of the event names; nothing of one that cannot be read."""
    connector = CONNECTORS.get(event.connection.kind)
    if connector is None or not body:
        return Contents()
    try:
        reports = connector.parse(event.headers, load_signed_json(body)) or ()
    except Exception:
        # Whatever the PMS has sent: the event's reason says what is wrong with it.
        return Contents()
    skus = [one.variant.sku for one in reports if isinstance(one, FigureReport | DeltaReport)]
    products = [one.external_id for one in reports if isinstance(one, ProductReport | DeletionReport)]
    return Contents(_texts(skus), _texts(products))


def variants_of(contents: Contents) -> list[Variant]:
    """Our variants with the SKUs of the contents."""
    keys = {key for sku in contents.skus if (key := as_sku_key(sku)) is not None}
    return list(Variant.objects.select_related("product").filter(sku_key__in=keys).order_by("sku_key")) if keys else []


def pms_products_of(event: PMSEvent, contents: Contents) -> list[PMSProduct]:
    """The products of the PMS that the contents name."""
    if not contents.products:
        return []
    named = PMSProduct.objects.filter(connection=event.connection_id, external_id__in=contents.products)
    return list(named.select_related("product").only("external_id", "product__name").order_by("external_id"))


def movements_of(event: PMSEvent) -> list[StockMovement]:
    """The movements that the event has made."""
    sources = [f"{event.connection.slug}:{event.webhook_id}:{line}" for line in range(MAX_SHOWN)]
    # The index has no empty sources.
    made = StockMovement.objects.filter(source__in=sources).exclude(source="")
    return list(made.select_related("level__variant", "level__location").order_by("pk"))


def reason_in_words(event: PMSEvent) -> str:
    """The reason without codes."""
    codes = event.reason.split()
    if codes and all(code in _IN_WORDS for code in codes):
        return " ".join(str(_IN_WORDS[code]) for code in codes)
    return _CODE.sub("", event.reason, count=1) if _CODE.match(event.reason) else event.reason


def _texts(values: list[Any]) -> tuple[str, ...]:
    """The texts of the first, each once; a PMS may send anything in their place."""
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str) and value))[:MAX_SHOWN]
