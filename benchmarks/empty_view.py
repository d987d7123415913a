"""The limit of cached reads: an empty view of Django and nothing else, no middleware, no limits, no authentication."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import re_path


def empty(_: HttpRequest) -> HttpResponse:
    """An empty 200."""
    return HttpResponse(headers={"Content-Length": "0"})


urlpatterns = [re_path("", empty)]

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, SECRET_KEY="benchmark", USE_TZ=True)
application = get_wsgi_application()
