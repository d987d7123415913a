"""The admin of users, roles, failed logins and alerts, the dashboard, and other pages of no model."""

from typing import Any, ClassVar

from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm

from inventory.admin.board import show_board
from pms_backend.access.audited_admin import own_password_changed
from pms_backend.access.granting_admin import GrantingAdmin, GrantingForm
from pms_backend.api.admin_tables import EXTRA, KEY, MAIN_NUMBER, NAME, SENTENCE, TEXT
from pms_backend.api.service_admin import ReadOnlyAdmin, moment
from pms_backend.api.typed_unfold import ModelAdmin, display
from pms_backend.operations.alerts.alert_admin import AlertAdmin
from pms_backend.operations.business_metrics.page import show_operations
from pms_backend.operations.models import Alert
from pms_backend.operations.roles import ROLES
from pms_backend.operations.search.page import show_search
from pms_backend.operations.user_forms import NewUserForm, UserForm

admin.site.index_template = "operations/dashboard.html"
admin.site.index_title = _("Dashboard")
admin.site.login_template = "operations/login.html"
# Unfold's address of its own search, which would find pages and run each list's search.
admin.site.search = show_search  # type: ignore[attr-defined]


def _pages_of_no_model() -> list[URLPattern]:
    return [
        path("inventory/board/", admin.site.admin_view(show_board), name="inventory_board"),
        path("operations/", admin.site.admin_view(show_operations), name="operations"),
    ]


admin.site.extra_urls = _pages_of_no_model  # type: ignore[attr-defined]  # Unfold's
admin.site.password_change = own_password_changed(admin.site.password_change)  # type: ignore[method-assign]
admin.site.register(Alert, AlertAdmin)
admin.site.unregister((User, Group))
# Their pages say what the menu says.
Group._meta.verbose_name, Group._meta.verbose_name_plural = _("role"), _("roles")
AccessAttempt._meta.app_config.verbose_name = _("Access")
AccessAttempt._meta.verbose_name, AccessAttempt._meta.verbose_name_plural = _("failed login"), _("failed logins")


@admin.register(User)
class UserAdmin(GrantingAdmin, DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    """The admin of users."""

    history_kind = "user"
    actor_kind, actor_key = "user", "username"
    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_fullwidth = True
    list_display = ("username", "first_name", "last_name", "roles", "is_active", "is_staff", "is_superuser")
    column_kinds: ClassVar = {
        "username": KEY,
        "first_name": EXTRA,
        "last_name": EXTRA,
        "roles": TEXT,
        "is_staff": EXTRA,
        "is_superuser": EXTRA,
    }
    filter_horizontal = ("user_permissions",)
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2")}),
        (_("Roles"), {"fields": ("groups", "is_staff")}),
    )
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Roles"), {"fields": ("groups",)}),
        (_("Person"), {"fields": (("first_name", "last_name"), "email")}),
        (_("Access"), {"fields": ("is_active", "is_staff", "is_superuser", ("last_login", "date_joined"))}),
        (_("Exceptions: single permissions"), {"fields": ("user_permissions",), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """The users with their roles."""
        users: QuerySet[User] = super().get_queryset(request)
        return users.prefetch_related("groups")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new user is staff: a role has no effect on others."""
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Lets only superusers make superusers."""
        return ("last_login", "date_joined", *(() if request.user.is_superuser else ("is_superuser",)))

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002 - Django's
        """Django's, in a transaction with its history."""
        return super().user_change_password(request, id, form_url)

    @display(description=_("Roles"))
    def roles(self, user: User) -> str:
        """The names of the user's roles."""
        return ", ".join(group.name for group in user.groups.all())


@admin.register(Group)
class GroupAdmin(GrantingAdmin, DjangoGroupAdmin, ModelAdmin):
    """The admin of roles: those that a migration has made, and others."""

    history_kind = "group"
    form = GrantingForm
    list_fullwidth = True
    list_display = ("name", "explained", "users")
    column_kinds: ClassVar = {"name": KEY, "explained": SENTENCE, "users": MAIN_NUMBER}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """The roles with the numbers of their users."""
        groups: QuerySet[Group] = super().get_queryset(request)
        return groups.annotate(users_count=Count("user"))

    @display(description=_("What it does"))
    def explained(self, group: Group) -> Any:
        """The explanation of a role that we have made."""
        return ROLES.get(group.name)

    @display(description=_("Users"))
    def users(self, group: Any) -> Any:
        """The number of its users."""
        return group.users_count


@admin.register(AccessAttempt)
class FailedLoginAdmin(ReadOnlyAdmin):
    """Failed logins of the last minutes, which lock a user out; `manage.py axes_reset_username NAME` unlocks one."""

    list_display = ("username", "ip_address", "failures_since_start", "attempted", "path_info", "user_agent")
    column_kinds: ClassVar = {
        "username": NAME,
        "failures_since_start": MAIN_NUMBER,
        "path_info": EXTRA,
        "user_agent": EXTRA,
    }
    empty_text = _("No login has failed in the last minutes.")
    search_fields = ("username", "ip_address")
    search_help_text = _("User or address")
    ordering = ("-attempt_time",)
    actions = None
    # Without the sent data: somebody may have typed a password into the wrong field.
    fields = list_display

    @display(description=_("Last failure"), ordering="attempt_time")
    def attempted(self, attempt: AccessAttempt) -> SafeString:
        """The moment of the last one."""
        return moment(attempt.attempt_time)
