"""The permission class that checks a view's required scope."""

from typing import Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from pms_backend.access.caller import Caller
from pms_backend.access.staff_scopes import staff_hint
from pms_backend.access.visibility import is_open_to


class HasScope(BasePermission):
    """Permits a caller that has the scope in the view's `required_scopes`, and to whose kind the view is open.

    `required_scopes` maps an action's name, else `read` or `write`, to a scope. A view without it permits nobody.
    """

    message = "This needs a scope that the caller does not have."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller has the scope. Raises `MethodNotAllowed` for a method that the view does not have."""
        caller = request.auth
        if not isinstance(caller, Caller):
            return False
        method = request.method or ""
        name = method.lower()
        if name not in view.http_method_names or not hasattr(view, name):
            raise MethodNotAllowed(method)
        required = required_scope(view, method)
        if required is not None and required not in caller.scopes:
            hint = f" {staff_hint(required)}" if caller.is_staff else ""
            self.message = f"This needs the scope {required}.{hint}"
            return False
        if not is_open_to(caller, view, method):
            self.message = "This is not for storefronts."
            return False
        return required is not None


def required_scope(view: Any, method: str) -> str | None:
    """The scope that `view` requires for this method."""
    scopes: dict[str, str] = getattr(view, "required_scopes", {})
    action = getattr(view, "action", None)
    if action in scopes:
        return scopes[action]
    return scopes.get("read" if method in SAFE_METHODS else "write")
