"""The forms of users, which offer roles first."""

from typing import Any, Final

from django import forms
from django.contrib.auth.models import Group
from django.db.models import Case, Value, When
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.forms import UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from pms_backend.access.granting_admin import GrantingForm
from pms_backend.operations.roles import ROLES

STAFF_HELP: Final = _("May log in here. Roles and permissions have an effect only on staff; others are customers.")


class RolesField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # not subscriptable at run time
    """Groups as checkboxes, the roles first, each with a line that explains it."""

    def __init__(self) -> None:
        place = Case(
            *(When(name=name, then=Value(place)) for place, name in enumerate(ROLES)), default=Value(len(ROLES))
        )
        super().__init__(
            label=_("Roles"),
            queryset=Group.objects.order_by(place, "name"),
            required=False,
            widget=UnfoldAdminCheckboxSelectMultipleWidget,
            help_text=_("Several add up. You can give those of which you have all permissions yourself."),
        )

    def label_from_instance(self, obj: Any) -> str:
        """The name, and what the role does."""
        explained = ROLES.get(obj.name)
        return format_html("<strong>{}</strong> {}", obj.name, explained) if explained else str(obj)


class UserForm(GrantingForm, UserChangeForm):  # type: ignore[misc]  # has no types
    """The form of a user, with roles and permissions."""

    groups = RolesField()

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if "is_staff" in self.fields:
            self.fields["is_staff"].help_text = STAFF_HELP


class NewUserForm(GrantingForm, UserCreationForm):  # type: ignore[misc]  # has no types
    """The form of a new user, who is staff with a role unless something else is chosen."""

    groups = RolesField()

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["is_staff"].help_text = STAFF_HELP
