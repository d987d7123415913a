"""The actor of admin requests."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from pms_backend.api import context
from pms_backend.api.exceptions import is_api_request


class StaffActorMiddleware:
    """Names the logged-in member of staff as the actor of an admin request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_api_request(request) and request.user.is_authenticated:
            context.set_actor(f"user:{request.user.get_username()}")
        return self.get_response(request)
