"""Members of staff, logged in to the admin."""

from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

PASSWORD = "correct-horse-battery"


def superuser(name: str = "anna") -> Client:
    """Somebody who may do everything."""
    User.objects.create_superuser(name, password=PASSWORD)
    return logged_in(name)


def staff_with(*permissions: str, name: str = "ben") -> Client:
    """Somebody with these of Django's permissions, such as `inventory.view_stocklevel`."""
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return logged_in(name)


def logged_in(name: str) -> Client:
    """The client of a user, without the cost of a password."""
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def form_of(response: Any) -> dict[str, Any]:
    """What the page's form and inlines would send if nobody touched them."""
    forms = [response.context["adminform"].form]
    formsets = [inline.formset for inline in response.context["inline_admin_formsets"]]
    forms += [form for formset in formsets for form in (formset.management_form, *formset.initial_forms)]
    return {bound.html_name: _as_sent(bound.value()) for form in forms for bound in form}


def said(response: Any) -> list[str]:
    """The messages on the page that a POST led to."""
    return [str(message) for message in response.context["messages"]]


def _as_sent(value: Any) -> Any:
    if isinstance(value, list):
        return ",".join(value)
    return "" if value is None or value is False else value
