"""DRF's view and request, without the detours that each request would pay for."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from rest_framework import views
from rest_framework.request import Empty, Request, WrappedAttributeError


class APIRequest(Request):
    """DRF's, whose method and environment are attributes of its own.

    DRF's first searches itself for each attribute, fails, and then asks Django's request.
    """

    # Private to DRF, which annotates neither.
    _full_data: Any
    _load_data_and_files: Callable[[], None]

    def __init__(self, request: HttpRequest, **policies: Any) -> None:
        super().__init__(request, **policies)
        self.method = request.method
        self.META = request.META

    @property
    def data(self) -> Any:
        """The parsed body. As in DRF, an `AttributeError` is not taken for a missing attribute of the request."""
        if self._full_data is Empty:
            try:
                self._load_data_and_files()
            except AttributeError as error:
                raise WrappedAttributeError(str(error)) from error
        return self._full_data


class DispatchMixin(views.APIView):
    """DRF's `APIView` with `APIRequest`."""

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """The request that the handler gets."""
        return APIRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def perform_authentication(self, request: Request) -> None:
        """Authenticates at once; DRF does so by way of a property, which needs a context manager for its errors."""
        request._authenticate()  # type: ignore[attr-defined]  # private to DRF
