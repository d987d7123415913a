"""HTTP, by WSGI: synchronous Django is about twice as fast there as under ASGI (docs/adr/0004)."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")

application = get_wsgi_application()

# The web processes are forked from one that has loaded everything: what it has loaded is in memory once.
get_resolver().url_patterns  # noqa: B018 - the views are imported by it
gc.freeze()
