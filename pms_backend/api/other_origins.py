"""Calls of the API by pages of other origins (CORS)."""

from typing import Any

from corsheaders.middleware import CorsMiddleware
from django.http import HttpRequest
from django.utils.cache import patch_vary_headers


class ApiCorsMiddleware(CorsMiddleware):
    """django-cors-headers', which programs pass by: they send no `Origin`. A cache is told that its value matters."""

    def __call__(self, request: HttpRequest) -> Any:
        if "HTTP_ORIGIN" in request.META or request.method == "OPTIONS":
            return super().__call__(request)
        response: Any = self.get_response(request)
        if self.is_enabled(request):
            patch_vary_headers(response, ("origin",))
        return response
