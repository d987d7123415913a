"""The admin as a table: each page, button and bulk action, and the permission that it asks for."""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from pms_backend.access.staff_scopes import PERMISSIONS_OF_SCOPE

# What a row asks for: a verb of the model's own permissions, a permission by its name, a scope (all permissions of its
# row), all of several, or what nobody has, superusers included. A permission to change is one to view.
VIEW, ADD, CHANGE, DELETE = "view", "add", "change", "delete"
NOBODY = "nobody"
Need = str | tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A model's pages; its list and pages are shown by the permission to view, and so are empty histories.

    `pages` are those with an address, `bulk` is what the list does to selected rows, `buttons` save with the form.
    """

    add: Need = NOBODY
    change: Need = NOBODY
    delete: Need = NOBODY
    history: Need = VIEW
    pages: dict[str, Need] = field(default_factory=dict)
    bulk: dict[str, Need] = field(default_factory=dict)
    buttons: dict[str, Need] = field(default_factory=dict)


# Pages that links lead to, without a button of their own.
WITHOUT_BUTTON = {"password_change", "pictures", "source", "import_previewed"}
# Buttons of a connection that make a row of another model.
STARTS: dict[str, Need] = dict.fromkeys(("sync_now", "full_sync", "dry_run"), "pms_integration.add_syncrun")

POST_COUNTS = "inventory.post_stocktake"

TABLE = {
    "access.apiclient": Row(add=ADD, history=CHANGE, pages={"rotate": CHANGE, "revoke": CHANGE}),
    "access.auditentry": Row(),
    "auth.group": Row(add=ADD, change=CHANGE, delete=DELETE, history=CHANGE, bulk={"delete_selected": DELETE}),
    "auth.user": Row(
        # Django's own rule: a user is made on one page and filled in on the next.
        add=(ADD, CHANGE),
        change=CHANGE,
        delete=DELETE,
        history=CHANGE,
        pages={"password_change": CHANGE},
        bulk={"delete_selected": DELETE},
    ),
    "axes.accessattempt": Row(),
    "events.event": Row(),
    "events.parkedevent": Row(pages={"replay": CHANGE}, bulk={"replay_selected": CHANGE}),
    "inventory.location": Row(
        add=ADD, change=CHANGE, history=CHANGE, pages={"labels": VIEW}, bulk={"print_labels": VIEW}
    ),
    "inventory.reservation": Row(pages={"release": CHANGE, "commit": CHANGE}, bulk={"release_selected": CHANGE}),
    "inventory.stocklevel": Row(
        change=CHANGE,
        history=CHANGE,
        # What is booked there asks for more: tests/inventory/test_scan_desk.py.
        pages={"scan": VIEW, "bulk": CHANGE, "labels": VIEW},
        bulk={"adjust_selected": CHANGE, "print_labels": VIEW},
    ),
    "inventory.stockmovement": Row(pages={"reverse_movement": "inventory.change_stocklevel"}),
    "inventory.stocktake": Row(add=ADD, pages={"count": CHANGE, "post_counts": POST_COUNTS, "cancel": POST_COUNTS}),
    "inventory.transfer": Row(add=ADD, pages={"ship": CHANGE, "receive": CHANGE, "cancel": CHANGE}),
    "operations.alert": Row(),
    "pms_integration.importjob": Row(
        pages={
            **dict.fromkeys(("import_file", "import_previewed"), "products:write"),
            **dict.fromkeys(("export_csv", "export_json_lines"), "products:read"),
        }
    ),
    "pms_integration.pmsconnection": Row(
        add=ADD,
        change=CHANGE,
        delete=DELETE,
        history=CHANGE,
        pages=dict.fromkeys(
            (*("test", "choose_locations", "pause", "resume"), *("outgoing", "rotate", "switch_off", "switch_on")),
            CHANGE,
        )
        | STARTS,
    ),
    "pms_integration.pmsevent": Row(pages={"retry": CHANGE, "source": VIEW}, bulk={"retry_selected": CHANGE}),
    "pms_integration.pmsproduct": Row(pages={"link": CHANGE, "resolve": CHANGE}),
    "pms_integration.pmsproductpush": Row(pages={"push_now": CHANGE}, bulk={"push_selected": CHANGE}),
    "pms_integration.pmsstock": Row(),
    "pms_integration.pmsstockpush": Row(),
    "pms_integration.pmsvariant": Row(),
    "pms_integration.syncdifference": Row(),
    "pms_integration.syncrun": Row(pages={"accept": ADD, "confirm": CHANGE, "cancel": CHANGE}),
    "products.category": Row(add=ADD, change=CHANGE, delete=DELETE, history=CHANGE, bulk={"delete_selected": DELETE}),
    "products.product": Row(
        add=ADD,
        change=CHANGE,
        history=CHANGE,
        pages={"duplicate": ADD, "labels": VIEW, "pictures": CHANGE},
        bulk={"change_prices": CHANGE, "change_status": CHANGE, "print_labels": VIEW},
        buttons=dict.fromkeys(("publish", "unpublish", "archive", "restore"), CHANGE),
    ),
    "webhooks.delivery": Row(pages={"redeliver": CHANGE}, bulk={"redeliver_selected": CHANGE}),
    "webhooks.webhookendpoint": Row(
        add=ADD,
        delete=DELETE,
        history=CHANGE,
        pages=dict.fromkeys(("edit", "send_test", "rotate", "replay", "enable", "disable"), CHANGE),
        bulk={"delete_selected": DELETE},
    ),
}
# The pages of no model, each with a test of its own.
SITE = (
    *("index", "login", "logout", "password_change", "password_change_done"),
    *("autocomplete", "jsi18n", "view_on_site", "app_list", "search", "inventory_board", "operations"),
)


@dataclass(frozen=True)
class Page:
    """An address of the admin: what opening it and what sending its form ask for."""

    label: str
    name: str
    has_row: bool
    get: frozenset[str]
    post: frozenset[str]


def pages(has_row_in_address: Set[str]) -> Iterator[Page]:
    """Every page of the table; some of the added ones have a row in their address."""
    for label, row in TABLE.items():
        prefix, view = label.replace(".", "_"), needed(label, VIEW)
        change, delete = needed(label, row.change), needed(label, row.delete)
        yield Page(label, f"{prefix}_changelist", has_row=False, get=view, post=view)
        yield Page(label, f"{prefix}_add", has_row=False, get=needed(label, row.add), post=needed(label, row.add))
        yield Page(label, f"{prefix}_change", has_row=True, get=view, post=change)
        history = needed(label, row.history)
        yield Page(label, f"{prefix}_history", has_row=True, get=history, post=history)
        yield Page(label, f"{prefix}_delete", has_row=True, get=delete, post=delete)
        for action, need in row.pages.items():
            name, permissions = f"{prefix}_{action}", needed(label, need)
            yield Page(label, name, has_row=name in has_row_in_address, get=permissions, post=permissions)


def needed(label: str, need: Need) -> frozenset[str]:
    """The permissions, all of which are needed."""
    app, model = label.split(".")
    found: set[str] = set()
    for one in (need,) if isinstance(need, str) else need:
        is_name = one == NOBODY or "." in one
        found |= set(PERMISSIONS_OF_SCOPE[one]) if ":" in one else {one if is_name else f"{app}.{one}_{model}"}
    return frozenset(found)


def has(held: Set[str], permissions: Set[str]) -> bool:
    """Whether somebody who holds `held` has all of these."""
    return all(one in held or one.replace(".view_", ".change_") in held for one in permissions)
