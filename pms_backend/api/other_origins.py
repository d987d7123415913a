"""Calls of the API by pages of other origins (CORS)."""

from typing import Any

from corsheaders.middleware import CorsMiddleware
from django.http import HttpRequest
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
            if header_of(response, "vary"):
                patch_vary_headers(response, ("origin",))
            else:
                set_header(response, "Vary", "origin")
        return response
