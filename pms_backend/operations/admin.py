"""People and their groups, in the looks of the other pages; and the dashboard in front of them."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from pms_backend.access.audited_admin import AuditedAdmin
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
