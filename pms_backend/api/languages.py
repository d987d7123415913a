"""The language of pages for people. Programs are always answered in English."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from pms_backend.api.exceptions import is_page


class PageLanguageMiddleware(LocaleMiddleware):
    """Shows a page in the language that the person chose (a cookie), else in the first of the browser's that we have.

    Afterwards the thread speaks English again: its next request may be a program's.
    """

    get_response: Callable[[HttpRequest], HttpResponse]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_page(request.path) and request.path != "/":
            return self.get_response(request)
        with translation.override(settings.LANGUAGE_CODE):
            return super().__call__(request)  # type: ignore[return-value]  # no coroutine, without asynchronous views
