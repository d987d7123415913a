"""The staff of the tables: what each role holds of Django's permissions, and what that is worth through the API."""

from dataclasses import dataclass, field

import pytest
from django.contrib.auth.models import Permission, User

from pms_backend.access.scopes import ALL_SCOPES
from tests.staff import PASSWORD, grant


@dataclass(frozen=True)
class Role:
    """Either named permissions, or all of some apps whose codename begins in one of some ways."""

    scopes: frozenset[str] = frozenset()
    permissions: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    flags: dict[str, bool] = field(default_factory=lambda: {"is_staff": True})

    def held(self) -> set[str]:
        """By name."""
        return {name for name in all_permissions() if self._has(name)}

    def _has(self, name: str) -> bool:
        app, _, codename = name.partition(".")
        of_app = app in self.apps and codename.split("_")[0] in self.verbs
        return of_app or name in self.permissions or self.flags.get("is_superuser", False)


OURS = ("products", "inventory", "pms_integration", "webhooks", "events", "access", "auth", "axes", "operations")
READ = frozenset({"products:read", "inventory:read", "pms:read", "webhooks:read"})

ROLES = {
    "without permissions": Role(),
    "viewer of everything": Role(scopes=READ, apps=OURS, verbs=("view",)),
    "warehouse": Role(scopes=frozenset({"inventory:read"}), apps=("inventory",), verbs=("change",)),
    "warehouse lead": Role(
        scopes=frozenset({"inventory:read", "inventory:write"}), apps=("inventory",), verbs=("add", "change", "post")
    ),
    "catalogue editor": Role(
        scopes=frozenset({"products:read", "products:write"}),
        permissions=("pms_integration.view_importjob", "pms_integration.add_importjob"),
        apps=("products",),
        verbs=("view", "add", "change", "delete"),
    ),
    "PMS operator": Role(
        scopes=frozenset({"pms:read", "pms:write"}),
        apps=("pms_integration",),
        verbs=("view", "add", "change", "delete"),
    ),
    "user administrator": Role(apps=("auth",), verbs=("view", "add", "change", "delete")),
    "client administrator": Role(apps=("access",), verbs=("view", "add", "change", "delete")),
    "everything but superuser": Role(
        scopes=READ | {"products:write", "inventory:write", "pms:write", "webhooks:write", "events:read"},
        apps=OURS,
        verbs=("view", "add", "change", "delete", "post"),
    ),
    "superuser": Role(scopes=frozenset(ALL_SCOPES), flags={"is_staff": True, "is_superuser": True}),
}
# These between them hold, and lack, a permission of each app; `make test-slow` tries all roles.
FEW_ROLES = ("warehouse", "user administrator", "everything but superuser")
EACH_ROLE = [name if name in FEW_ROLES else pytest.param(name, marks=pytest.mark.slow) for name in ROLES]


def all_permissions() -> list[str]:
    """Every one of Django's, by a name such as `inventory.view_stocklevel`."""
    rows = Permission.objects.order_by("content_type__app_label", "codename")
    return [f"{app}.{name}" for app, name in rows.values_list("content_type__app_label", "codename")]


def user_with(role: Role, name: str = "ada") -> User:
    """A new user of this role."""
    user = User.objects.create_user(name, password=PASSWORD, **role.flags)
    return user if user.is_superuser else grant(user, *role.held())
