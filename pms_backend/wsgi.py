"""The WSGI application: synchronous Django is about twice as fast there as under ASGI (ADR 0004)."""

import gc
import os

import django
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")

django.setup(set_prefix=False)

from pms_backend.api.handler import Application  # noqa: E402 - the apps are loaded first

application = Application()

# The web processes are forked from this one and share what it has loaded.
get_resolver().url_patterns  # noqa: B018 - imports the views
gc.freeze()
