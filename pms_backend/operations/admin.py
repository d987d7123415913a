"""The admin of users, groups and failed logins, and the dashboard as its first page."""

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
    """The form of a user, with permissions and groups."""


@admin.register(User)
class UserAdmin(GrantingAdmin, DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    """The admin of users."""

    form = UserForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_fullwidth = True

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Lets only superusers make superusers."""
        return () if request.user.is_superuser else ("is_superuser",)


@admin.register(Group)
class GroupAdmin(GrantingAdmin, DjangoGroupAdmin, ModelAdmin):
    """The admin of groups."""

    form = GrantingForm


@admin.register(AccessAttempt)
class FailedLoginAdmin(ReadOnlyAdmin):
    """Failed logins of the last minutes, which lock a user out; `manage.py axes_reset_username NAME` unlocks one."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start", "path_info", "user_agent")
    search_fields = ("username", "ip_address")
    search_help_text = "User or address"
    ordering = ("-attempt_time",)
    actions = None
    # Without the sent data: somebody may have typed a password into the wrong field.
    fields = list_display
