"""HTTP, by WSGI: synchronous Django is about twice as fast there as under ASGI (docs/adr/0004)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")

application = get_wsgi_application()
