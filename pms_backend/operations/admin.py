"""People and their groups, in the looks of the other pages; and the dashboard in front of them."""

from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from pms_backend.access.granting_admin import GrantingAdmin, GrantingForm
from pms_backend.api.service_admin import ReadOnlyAdmin
from pms_backend.api.typed_unfold import ModelAdmin

admin.site.index_template = "operations/dashboard.html"
admin.site.index_title = "Dashboard"
admin.site.unregister((User, Group))


class UserForm(GrantingForm, UserChangeForm):
    """A user, with permissions and groups."""


@admin.register(User)
class UserAdmin(GrantingAdmin, DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    """Staff."""

    form = UserForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_fullwidth = True

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Superusers are made by superusers alone."""
        return () if request.user.is_superuser else ("is_superuser",)


@admin.register(Group)
class GroupAdmin(GrantingAdmin, DjangoGroupAdmin, ModelAdmin):
    """What staff may do, by group."""

    form = GrantingForm


@admin.register(AccessAttempt)
class FailedLoginAdmin(ReadOnlyAdmin):
    """Failed logins of the last minutes, and so who is locked; `manage.py axes_reset_username NAME` unlocks."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start", "path_info", "user_agent")
    search_fields = ("username", "ip_address")
    search_help_text = "User or address"
    ordering = ("-attempt_time",)
    actions = None
    # Not what was sent: a password may stand in the wrong field.
    fields = list_display
