"""The menu of the admin; each member of staff sees the entries of the pages that they may open."""

import re
from typing import Any, Final

from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext_lazy as _


def _page(title: Any, icon: str, model: str, *, url_name: str = "") -> dict[str, Any]:
    """A link of the sidebar, for users who may see the model's rows: to their list, unless `url_name` names a page."""
    app, name = model.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{url_name or f'{app}_{name}_changelist'}"),
        "permission": lambda request: any(request.user.has_perm(f"{app}.{verb}_{name}") for verb in ("view", "change")),
    }


MENU: Final[list[dict[str, Any]]] = [
    {"items": [{"title": _("Dashboard"), "icon": "dashboard", "link": reverse_lazy("admin:index")}]},
    {
        "title": _("Catalogue"),
        "items": [
            _page(_("Products"), "sell", "products.product"),
            _page(_("Categories"), "account_tree", "products.category"),
            _page(_("Imports"), "upload_file", "pms_integration.importjob"),
        ],
    },
    {
        "title": _("Stock"),
        "items": [
            _page(_("Scan desk"), "barcode_scanner", "inventory.stocklevel", url_name="inventory_stocklevel_scan"),
            _page(_("Board"), "monitor", "inventory.stocklevel", url_name="inventory_board"),
            # The scan desk's address is below that of the levels.
            _page(_("Levels"), "inventory", "inventory.stocklevel")
            | {"active": lambda request: re.search(r"/stocklevel/(?!scan/)", request.path) is not None},
            _page(_("Movements"), "receipt_long", "inventory.stockmovement"),
            _page(_("Transfers"), "local_shipping", "inventory.transfer"),
            _page(_("Count sheets"), "checklist", "inventory.stocktake"),
            _page(_("Locations"), "warehouse", "inventory.location"),
            _page(_("Reservations"), "bookmark", "inventory.reservation"),
        ],
    },
    {
        "title": _("PMS"),
        "items": [
            _page(_("Connections"), "cable", "pms_integration.pmsconnection"),
            _page(_("PMS events"), "move_to_inbox", "pms_integration.pmsevent"),
            _page(_("Sync runs"), "sync", "pms_integration.syncrun"),
            _page(_("PMS products"), "sync_alt", "pms_integration.pmsproduct"),
            _page(_("PMS variants"), "tag", "pms_integration.pmsvariant"),
            _page(_("PMS stock"), "compare_arrows", "pms_integration.pmsstock"),
            _page(_("Product pushes"), "upload", "pms_integration.pmsproductpush"),
            _page(_("Stock pushes"), "publish", "pms_integration.pmsstockpush"),
        ],
    },
    {
        "title": _("Webhooks"),
        "items": [
            _page(_("Endpoints"), "webhook", "webhooks.webhookendpoint"),
            _page(_("Deliveries"), "outbox", "webhooks.delivery"),
        ],
    },
    {
        "title": _("System"),
        "items": [
            # The lists of the app's models are below its address.
            _page(_("Operations"), "monitoring", "operations.metricincrease", url_name="operations")
            | {"active": lambda request: request.path == reverse("admin:operations")},
            _page(_("Alerts"), "notifications", "operations.alert"),
            _page(_("Events feed"), "rss_feed", "events.event"),
            _page(_("Parked events"), "report", "events.parkedevent"),
            _page(_("API clients"), "vpn_key", "access.apiclient"),
            _page(_("Audit log"), "policy", "access.auditentry"),
            _page(_("Users"), "person", "auth.user"),
            _page(_("Roles"), "group", "auth.group"),
            _page(_("Failed logins"), "lock", "axes.accessattempt"),
        ],
    },
]
