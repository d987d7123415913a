"""Calls of the API by pages of other origins (CORS)."""

import functools
from typing import Any

from corsheaders.middleware import CorsMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from pms_backend.api.response_headers import header_of, set_header


class ApiCorsMiddleware(CorsMiddleware):
    """django-cors-headers', which programs pass by: they send no `Origin`. A cache is told that its value matters."""

    def __call__(self, request: HttpRequest) -> Any:
        if "HTTP_ORIGIN" in request.META or request.method == "OPTIONS":
            return super().__call__(request)
        response: Any = self.get_response(request)
        # Those paths that `CORS_URLS_REGEX` names.
        if request.path.startswith("/api/"):
            set_header(response, "Vary", _with_origin(header_of(response, "vary")))
        return response


# Ours are few; Django's function takes thirty calls.
@functools.lru_cache(maxsize=100)
def _with_origin(vary: str) -> str:
    """The value of `Vary` with `origin` among its names."""
    patched = HttpResponse(headers={"Vary": vary} if vary else None)
    patch_vary_headers(patched, ("origin",))
    return header_of(patched, "vary")
