"""Entries of the history in words: actions, fields, and values from what to what."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import localize, number_format
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.access.services import CHANGE_COUNT, HIDDEN
from pms_backend.api.moments import parse_moment

# Of a value; the whole text is in the title of its line.
MAX_SHOWN_LENGTH: Final = 120
# Values of one kind of thing; their names are in brackets: `variants[A-1].price`.
_FIELD: Final = re.compile(r"(?P<list>\w+)(?:\[(?P<item>.*)\])?(?:\.(?P<member>.+))?", re.DOTALL)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
AMOUNTS: Final = ("price", "compare_at_price", "cost")

KINDS: Final[dict[str, Any]] = {
    "product": gettext_lazy("Product"),
    "category": gettext_lazy("Category"),
    "level": gettext_lazy("Stock level"),
    "location": gettext_lazy("Location"),
    "pms_connection": gettext_lazy("PMS connection"),
    "pms_product": gettext_lazy("PMS product"),
    "pms_event": gettext_lazy("PMS event"),
    "sync": gettext_lazy("Sync run"),
    "stock": gettext_lazy("Stock"),
    "import": gettext_lazy("Import"),
    "webhook_endpoint": gettext_lazy("Webhook endpoint"),
    "delivery": gettext_lazy("Delivery"),
    "api_client": gettext_lazy("API client"),
    "user": gettext_lazy("User"),
    "group": gettext_lazy("Role"),
}
_VERBS: Final[dict[str, Any]] = {
    "created": gettext_lazy("Created"),
    "updated": gettext_lazy("Changed"),
    "changed": gettext_lazy("Changed"),
    "deleted": gettext_lazy("Deleted"),
    "published": gettext_lazy("Published"),
    "unpublished": gettext_lazy("Unpublished"),
    "archived": gettext_lazy("Archived"),
    "restored": gettext_lazy("Restored"),
    "image_requested": gettext_lazy("Picture requested"),
    "rotated": gettext_lazy("New key"),
    "revoked": gettext_lazy("Revoked"),
    "secret_rotated": gettext_lazy("New secret"),
    "location_mapped": gettext_lazy("Location mapped"),
    "outgoing_set": gettext_lazy("Calls set up"),
    "categories_named": gettext_lazy("Categories named"),
    "ownership_changed": gettext_lazy("Owner of the stock changed"),
    "enabled": gettext_lazy("Enabled"),
    "disabled": gettext_lazy("Disabled"),
    "tested": gettext_lazy("Test sent"),
    "replayed": gettext_lazy("Replayed"),
    "redelivered": gettext_lazy("Delivered again"),
    "retried": gettext_lazy("Tried again"),
    "linked": gettext_lazy("Linked"),
    "resolved": gettext_lazy("Conflict resolved"),
    "push_requested": gettext_lazy("Push requested"),
    "started": gettext_lazy("Started"),
    "held": gettext_lazy("Held"),
    "confirmed": gettext_lazy("Confirmed"),
    "cancelled": gettext_lazy("Cancelled"),
    "finished": gettext_lazy("Finished"),
    "failed": gettext_lazy("Failed"),
    "logged_in": gettext_lazy("Logged in"),
    "logged_out": gettext_lazy("Logged out"),
    "login_failed": gettext_lazy("Login failed"),
}
_LABELS: Final[dict[str, Any]] = {
    "name": gettext_lazy("Name"),
    "handle": gettext_lazy("Handle"),
    "description": gettext_lazy("Description"),
    "brand": gettext_lazy("Brand"),
    "category": gettext_lazy("Category"),
    "tags": gettext_lazy("Tags"),
    "options": gettext_lazy("Options"),
    "status": gettext_lazy("Status"),
    "publish_at": gettext_lazy("Publish at"),
    "unpublish_at": gettext_lazy("Unpublish at"),
    "sku": gettext_lazy("SKU"),
    "barcode": gettext_lazy("Barcode"),
    "price": gettext_lazy("Price"),
    "compare_at_price": gettext_lazy("Compare-at price"),
    "cost": gettext_lazy("Cost"),
    "currency": gettext_lazy("Currency"),
    "weight_grams": gettext_lazy("Weight in grams"),
    "position": gettext_lazy("Position"),
    "alt": gettext_lazy("Alt text"),
    "slug": gettext_lazy("Slug"),
    "parent": gettext_lazy("Parent"),
    "code": gettext_lazy("Code"),
    "priority": gettext_lazy("Priority"),
    "address": gettext_lazy("Address"),
    "is_active": gettext_lazy("Active"),
    "is_paused": gettext_lazy("Paused"),
    "reorder_point": gettext_lazy("Reorder point"),
    "backorder_limit": gettext_lazy("Backorder limit"),
    "base_url": gettext_lazy("Base URL"),
    "url": gettext_lazy("URL"),
    "external_id": gettext_lazy("External id"),
    "owns_stock": gettext_lazy("PMS owns the stock"),
    "sync_every_seconds": gettext_lazy("Seconds between syncs"),
    "event_types": gettext_lazy("Event types"),
    "scopes": gettext_lazy("Scopes"),
    "tier": gettext_lazy("Tier"),
    "kind": gettext_lazy("Kind"),
    "signing": gettext_lazy("Signs its writes"),
    "reason": gettext_lazy("Reason"),
    "at_once": gettext_lazy("At once"),
    "overlap_seconds": gettext_lazy("Seconds that the key before stays valid"),
    "connection": gettext_lazy("Connection"),
    "connections": gettext_lazy("Connections"),
    "products": gettext_lazy("Products"),
    "skus": gettext_lazy("SKUs"),
    "mode": gettext_lazy("Mode"),
    "resources": gettext_lazy("Resources"),
    "dry_run": gettext_lazy("Dry run"),
    "run": gettext_lazy("Sync run"),
    "owner": gettext_lazy("Owner"),
    "opening": gettext_lazy("Quantities taken from"),
    "since": gettext_lazy("Since"),
    "until": gettext_lazy("Until"),
    CHANGE_COUNT: gettext_lazy("Changes"),
    "count": gettext_lazy("Number"),
    "event": gettext_lazy("Event"),
    "events": gettext_lazy("Events"),
    "error": gettext_lazy("Error"),
    "held_because": gettext_lazy("Held because"),
    "expires_at": gettext_lazy("Expires"),
    "username": gettext_lazy("User name"),
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "email": gettext_lazy("E-mail"),
    "password": gettext_lazy("Password"),
    "is_staff": gettext_lazy("Staff"),
    "is_superuser": gettext_lazy("Superuser"),
    "attributes": gettext_lazy("Attributes"),
    "images": gettext_lazy("Pictures"),
    "on_hand": gettext_lazy("On hand"),
}
# One of a list.
_MEMBERS: Final[dict[str, Any]] = {
    "variants": gettext_lazy("Variant"),
    "images": gettext_lazy("Picture"),
    "attributes": gettext_lazy("Attribute"),
    "locations": gettext_lazy("Location"),
    "categories": gettext_lazy("Name of the category"),
    "credentials": gettext_lazy("Credential"),
    "headers": gettext_lazy("Header"),
    "ownership": gettext_lazy("Owner of"),
    "publishes": gettext_lazy("Publishes"),
    "groups": gettext_lazy("Role"),
    "permissions": gettext_lazy("Permission"),
    "user_permissions": gettext_lazy("Permission"),
}
# Of the field `status`: of products, and of PMS events that were tried again.
_STATUSES: Final[dict[str, Any]] = {
    "draft": gettext_lazy("Draft"),
    "active": gettext_lazy("Active"),
    "archived": gettext_lazy("Archived"),
    "failed": gettext_lazy("Failed"),
    "deferred": gettext_lazy("Deferred"),
    "dead": gettext_lazy("Dead"),
}


def kind_in_words(action: str) -> str:
    """What an action was done to: `product.updated` → Product."""
    kind = action.partition(".")[0]
    return str(KINDS.get(kind) or _from_name(kind))


def action_in_words(action: str) -> str:
    """What was done: `product.updated` → Changed."""
    verb = action.rpartition(".")[2]
    return str(_VERBS.get(verb) or _from_name(verb))


def field_in_words(name: str) -> str:
    """The name of a field: `variants[A-1].price` → Price of A-1."""
    found = _FIELD.fullmatch(name)
    if found is None:
        return name
    listed, item, member = found["list"], found["item"], found["member"]
    if item is not None and member is not None:
        return _("%(field)s of %(item)s") % {"field": label_in_words(member), "item": item}
    one = item if item is not None else member
    return label_in_words(listed) if one is None else f"{_MEMBERS.get(listed) or label_in_words(listed)} {one}"


def change_in_words(change: Mapping[str, Any]) -> str:
    """One line: `Price of A-1: 10.00 → 12.50`."""
    field, before, after = field_in_words(change["field"]), change["from"], change["to"]
    if (before, after) == (HIDDEN, HIDDEN):
        return _("%(field)s: replaced") % {"field": field}
    is_member = change["field"].endswith("]")
    shown_before, shown_after = (value_in_words(value, change["field"]) for value in (before, after))
    added, removed = {"field": field, "value": shown_after}, {"field": field, "value": shown_before}
    if is_member and (before, after) == (False, True):
        return _("%(field)s: added") % added
    if is_member and (before, after) == (True, False):
        return _("%(field)s: removed") % removed
    if is_member and before is None:
        return _("%(field)s: added (%(value)s)") % added
    if is_member and after is None:
        return _("%(field)s: removed (%(value)s)") % removed
    return f"{field}: {shown_before} → {shown_after}"


def value_in_words(value: Any, field: str = "") -> str:
    """A value of a field for people; a dash for none."""
    if value is None or value in ("", [], {}):
        return "-"
    name = field.rpartition(".")[2]
    if name in AMOUNTS:
        return str(number_format(value, force_grouping=True))
    if name == "status":
        return str(_STATUSES.get(value, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int):
        return str(number_format(value))
    if isinstance(value, list):
        return ", ".join(map(value_in_words, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {value_in_words(member)}" for name, member in value.items())
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return str(localize(timezone.localtime(parse_moment(value))))
    return str(value)


def lines(changes: Sequence[Mapping[str, Any]], detail: Mapping[str, Any], *, limit: int | None = None) -> SafeString:
    """The changes and the details of an entry, each in a line, at most `limit`; long ones are cut."""
    texts = [change_in_words(change) for change in changes[:limit]]
    details = {name: value for name, value in detail.items() if name != CHANGE_COUNT}
    texts += [f"{label_in_words(name)}: {value_in_words(value, name)}" for name, value in details.items()]
    shown = [(text, Truncator(text).chars(2 * MAX_SHOWN_LENGTH)) for text in texts[:limit]]
    more = detail.get(CHANGE_COUNT, len(changes)) + len(details) - len(shown)
    if more:
        text = _("and %(count)s more") % {"count": more}
        shown.append((text, text))
    return format_html_join("", '<span class="block" title="{}">{}</span>', shown)


def label_in_words(name: str) -> str:
    """The name of a field alone, without what it belongs to: `compare_at_price` → Compare-at price."""
    return str(_LABELS.get(name) or _from_name(name))


def _from_name(name: str) -> str:
    return name.replace("_", " ").capitalize()
