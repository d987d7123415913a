"""Nobody gives what they do not have: the rule of all writes that decide who may do what."""

from collections.abc import Iterable
from typing import Final

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pms_backend.access.caller import Caller
from pms_backend.access.models import DEFAULT_TIER, INTERNAL_TIER, STOREFRONT_TIER
from pms_backend.api.exceptions import Forbidden
from pms_backend.api.problems import FieldError

# The lowest tiers, which every caller that may create clients may give.
GIVEN_BY_ALL: Final = frozenset({DEFAULT_TIER, STOREFRONT_TIER})


def require_may_give(giver: Caller | None, *, scopes: Iterable[str], tier: str) -> None:
    """Raises `Forbidden` where a client with these scopes and this tier has more than `giver`.

    Without a giver the call comes from the shell, which may give everything.
    """
    if giver is None:
        return
    if missing := sorted(set(scopes) - giver.scopes):
        needed = ngettext("the scope %(names)s", "the scopes %(names)s", len(missing))
        _refuse("scopes", needed % {"names": ", ".join(missing)})
    if not _has_tier(giver, tier):
        _refuse("tier", _("the tier %(name)s") % {"name": tier})


def has_no_more(holder: User | Group, *, than: User) -> bool:
    """Whether everything that a user or a group has is also had by the user `than`, who may therefore change it.

    Deactivated users count with the rights that they would have, because changing them may activate them.
    """
    if than.is_superuser:
        return True
    if isinstance(holder, User) and holder.is_superuser:
        return False
    holds = Q(user=holder) | Q(group__user=holder) if isinstance(holder, User) else Q(group=holder)
    return not _missing(Permission.objects.filter(holds), than)


def require_may_give_permissions(giver: User, *, field: str, permissions: QuerySet[Permission]) -> None:
    """Raises `Forbidden`, at this field, where `giver` does not have all of these permissions."""
    if missing := _missing(permissions, giver):
        needed = ngettext("the permission %(names)s", "the permissions %(names)s", len(missing))
        _refuse(field, needed % {"names": ", ".join(missing)})


def _missing(permissions: QuerySet[Permission], user: User) -> list[str]:
    names = permissions.order_by().values_list("content_type__app_label", "codename")
    return sorted({f"{app}.{codename}" for app, codename in names} - user.get_all_permissions())


def _has_tier(giver: Caller, tier: str) -> bool:
    # All staff have the tier internal for reading. To give it they also need access:admin.
    if giver.tier == INTERNAL_TIER:
        return tier in GIVEN_BY_ALL or "access:admin" in giver.scopes
    return tier in GIVEN_BY_ALL or tier == giver.tier


def _refuse(field: str, needed: str) -> None:
    detail = _("Nobody gives what they do not have: this needs %(needed)s.") % {"needed": needed}
    raise Forbidden(detail, errors=[FieldError(f"/{field}", Forbidden.code, detail)])
