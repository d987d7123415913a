"""The admin pages of users and groups: nobody gives what they do not have (`grants`)."""

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import Group, Permission, User
from django.http import HttpRequest

from pms_backend.access.audited_admin import AuditedAdmin
from pms_backend.access.grants import has_no_more, require_may_give_permissions
from pms_backend.api.service_admin import RefusalsAsFormErrors


class GrantingForm(forms.ModelForm):  # type: ignore[type-arg]
    """Refuses permissions that `giver` does not have, whether they are given singly or by a group."""

    giver: ClassVar[User]

    def clean(self) -> dict[str, Any]:
        """Validates the fields, then the rule."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        given: dict[str, Any] = {name: cleaned[name] for name in ("permissions", "user_permissions") if name in cleaned}
        if "groups" in cleaned:
            given["groups"] = Permission.objects.filter(group__in=cleaned["groups"])
        for field, permissions in given.items():
            with RefusalsAsFormErrors(self):
                require_may_give_permissions(self.giver, field=field, permissions=permissions)
        return cleaned


class GrantingAdmin(AuditedAdmin):
    """Users and groups with more rights than the member of staff are shown, but can be neither changed nor deleted.

    The page that sets a password asks for the permission to change its user, the action that deletes several for the
    permission to delete each.
    """

    def has_change_permission(self, request: HttpRequest, obj: User | Group | None = None) -> bool:
        """Requires Django's permission and rights that cover those of the object."""
        return super().has_change_permission(request, obj) and _is_in_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | Group | None = None) -> bool:
        """Requires Django's permission and rights that cover those of the object."""
        return super().has_delete_permission(request, obj) and _is_in_reach(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: Any = False, **kwargs: Any) -> Any:  # noqa: FBT002 - Django's
        """The form class, with the logged-in user as its `giver`."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.giver = request.user
        return form


def _is_in_reach(request: HttpRequest, obj: User | Group | None) -> bool:
    user: User = request.user  # type: ignore[assignment]  # the admin lets nobody in without one
    return obj is None or has_no_more(obj, than=user)
