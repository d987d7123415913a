"""The pages of the admin that say why something is refused or missing, who can help, and how to go back."""

from http import HTTPStatus
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import Group, Permission
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import Resolver404, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from pms_backend.api import context, views

_REFUSED: Final = "refused_permissions"


class RefusalRecorder(BaseBackend):
    """Notes at the user which permissions are missing; the last of the backends, it is asked when all others refuse."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """False."""
        vars(user_obj).setdefault(_REFUSED, []).append(perm)
        return False


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403: for staff in the admin a page with the missing permission and the roles that have it."""
    if not _is_staff_in_admin(request):
        return views.permission_denied(request, exception)
    name = _missing_permission(request.user)
    app, _dot, codename = (name or "").partition(".")
    permission = Permission.objects.filter(content_type__app_label=app, codename=codename).first()
    roles = Group.objects.filter(permissions=permission).order_by("pk").values_list("name", flat=True)
    values = {
        "title": _("You may not do this"),
        "permission": permission,
        "permission_name": name,
        "roles": ", ".join(roles) if permission else "",
    }
    return _page(request, HTTPStatus.FORBIDDEN, values)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404: for staff in the admin a page inside its layout."""
    if not _is_staff_in_admin(request):
        return views.not_found(request, exception)
    # The resolver's own exception has no sentence for people.
    detail = exception.args[0] if exception.args and not isinstance(exception, Resolver404) else ""
    values = {"title": _("There is nothing at this address"), "is_missing": True, "detail": detail}
    return _page(request, HTTPStatus.NOT_FOUND, values)


def _is_staff_in_admin(request: HttpRequest) -> bool:
    # There is no user where a middleware before the login's has raised.
    user = getattr(request, "user", None)
    return request.path.startswith(reverse("admin:index")) and user is not None and admin.site.has_permission(request)


def _missing_permission(user: Any) -> str | None:
    """The permission whose lack was the reason: the last that was asked for.

    To view is allowed by the permission to change too, which is asked for last and not worth naming then.
    """
    refused: list[str] = vars(user).get(_REFUSED) or vars(getattr(user, "_wrapped", user)).get(_REFUSED, [])
    if not refused:
        return None
    to_view = refused[-1].replace(".change_", ".view_")
    return to_view if to_view in refused else refused[-1]


def _page(request: HttpRequest, status: HTTPStatus, values: dict[str, Any]) -> HttpResponse:
    around = {**admin.site.each_context(request), "request_id": context.current().request_id, "back": _back(request)}
    return TemplateResponse(request, "access/refused.html", around | values, status=status)


def _back(request: HttpRequest) -> str | None:
    """The page before, if it is another one of ours."""
    before = request.headers.get("Referer", "")
    here = request.build_absolute_uri()
    is_ours = url_has_allowed_host_and_scheme(before, {request.get_host()}, require_https=request.is_secure())
    return before if is_ours and before != here and reverse("admin:login") not in before else None
