"""The other limit of cached reads: an empty view behind what every request of the API passes through."""

import gc
import os

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
django.setup(set_prefix=False)

from pms_backend.api.handler import ApiHandler  # noqa: E402 - the apps are loaded first


def empty(_: HttpRequest) -> HttpResponse:
    """An empty 200."""
    return HttpResponse(headers={"Content-Length": "0"})


urlpatterns = [re_path("", empty)]
settings.ROOT_URLCONF = __name__
application = ApiHandler()
# As pms_backend/wsgi.py does.
gc.freeze()
