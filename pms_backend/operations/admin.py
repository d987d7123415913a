"""People and their groups, in the looks of the other pages; and the dashboard in front of them."""

from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from pms_backend.access.audited_admin import AuditedAdmin
from pms_backend.api.service_admin import ReadOnlyAdmin
from pms_backend.api.typed_unfold import ModelAdmin

admin.site.index_template = "operations/dashboard.html"
admin.site.index_title = "Dashboard"
admin.site.unregister((User, Group))


@admin.register(User)
class UserAdmin(AuditedAdmin, DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    """Staff."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_fullwidth = True


@admin.register(Group)
class GroupAdmin(AuditedAdmin, DjangoGroupAdmin, ModelAdmin):
    """What staff may do, by group."""


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
