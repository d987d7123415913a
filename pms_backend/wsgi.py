"""HTTP, by WSGI: synchronous Django is about twice as fast there as under ASGI (docs/adr/0004)."""

import os

from django.core.wsgi import get_wsgi_application

from pms_backend.api.slow_bodies import with_timed_bodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")

application = with_timed_bodies(get_wsgi_application())
