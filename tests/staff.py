"""Members of staff, logged in to the admin."""

from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test import Client

from pms_backend.access.staff_scopes import PERMISSIONS_OF_SCOPE

PASSWORD = "correct-horse-battery"


def superuser(name: str = "anna") -> Client:
    """A client logged in as a superuser."""
    User.objects.create_superuser(name, password=PASSWORD)
    return logged_in(name)


def staff_with(*permissions: str, name: str = "ben") -> Client:
    """A client logged in as a member of staff with permissions such as `inventory.view_stocklevel`."""
    grant(User.objects.create_user(name, password=PASSWORD, is_staff=True), *permissions)
    return logged_in(name)


def grant(user: User, *permissions: str) -> User:
    """Sets the user's permissions to exactly these."""
    user.user_permissions.set(permissions_named(*permissions))
    return user


def user_with_scopes(name: str, *scopes: str, password: str = PASSWORD) -> User:
    """A new member of staff with the permissions of these scopes."""
    user = User.objects.create_user(name, password=password, is_staff=True)
    return grant(user, *(permission for scope in scopes for permission in PERMISSIONS_OF_SCOPE[scope]))


def permissions_named(*names: str) -> list[Permission]:
    """Django's permissions by names such as `inventory.view_stocklevel`, each of which has to exist."""
    name = Concat(F("content_type__app_label"), Value("."), F("codename"))
    found = list(Permission.objects.annotate(full_name=name).filter(full_name__in=names))
    assert len(found) == len(set(names)), set(names) - {permission.full_name for permission in found}
    return found


def member_of(role: str, name: str = "ada") -> Client:
    """A client logged in as a member of staff with this role."""
    User.objects.create_user(name, password=PASSWORD, is_staff=True).groups.add(Group.objects.get(name=role))
    return logged_in(name)


def logged_in(name: str) -> Client:
    """A client logged in as a user, without checking a password."""
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def form_of(response: Any) -> dict[str, Any]:
    """The data that the page's form and inlines send when unchanged."""
    forms = [response.context["adminform"].form]
    formsets = [inline.formset for inline in response.context["inline_admin_formsets"]]
    forms += [form for formset in formsets for form in (formset.management_form, *formset.initial_forms)]
    return {bound.html_name: _as_sent(bound.value()) for form in forms for bound in form}


def said(response: Any) -> list[str]:
    """The messages on a page."""
    return [str(message) for message in response.context["messages"]]


def _as_sent(value: Any) -> Any:
    if isinstance(value, list):
        return ",".join(value)
    return "" if value is None or value is False else value
