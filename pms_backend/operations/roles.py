"""What the roles are for, as the form of a user says; `migrations/0002_roles.py` makes them and gives permissions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# By the name of the group, in the order in which they are offered.
ROLES: Final[Mapping[str, "StrOrPromise"]] = {
    "Viewer": _("sees products, stock, the PMSs and webhooks, and changes nothing."),
    "Counter": _("fills in count sheets, without seeing what is expected; does not post them."),
    "Warehouse": _("receives, moves, corrects and counts stock, and posts count sheets."),
    "Catalogue": _("edits products and categories, and imports files."),
    "Integrator": _("connects PMSs and webhooks, and settles their conflicts."),
    "Administrator": _("does everything, and gives roles to users and keys to programs."),
}
