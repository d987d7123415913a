"""HTTP, by WSGI: synchronous Django is about twice as fast there as under ASGI (docs/adr/0004)."""

import os

from django.core.wsgi import get_wsgi_application

from pms_backend.api.slow_bodies import with_timed_bodies
from pms_backend.api.thread_connections import with_connections_of_threads

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")

application = with_connections_of_threads(with_timed_bodies(get_wsgi_application()))
