"""Permission: the scope that the view names."""

from typing import Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from pms_backend.access.caller import Caller
from pms_backend.access.scopes import SAFE_METHODS
from pms_backend.access.staff_scopes import how_staff_get
from pms_backend.access.visibility import is_open_to


class HasScope(BasePermission):
    """Lets a caller pass that has the scope in the view's `required_scopes`, and whose kind it is open to.

    Those map an action's name, else `read` or `write`, to a scope. A view without them lets nobody pass.
    """

    message = "This needs a scope that the caller does not have."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller has the scope; for a method that the view does not know, no scope is missing."""
        caller = request.auth
        if not isinstance(caller, Caller):
            return False
        if request.method not in view.allowed_methods:
            raise MethodNotAllowed(request.method or "")
        required = required_scope(view, request.method or "")
        if required is not None and required not in caller.scopes:
            hint = f" {how_staff_get(required)}" if caller.is_staff else ""
            self.message = f"This needs the scope {required}.{hint}"
            return False
        if not is_open_to(caller, view, request.method or ""):
            self.message = "This is not for storefronts."
            return False
        return required is not None


def required_scope(view: Any, method: str) -> str | None:
    """The scope that `view` asks for this method."""
    scopes: dict[str, str] = getattr(view, "required_scopes", {})
    action = getattr(view, "action", None)
    if action in scopes:
        return scopes[action]
    return scopes.get("read" if method in SAFE_METHODS else "write")
