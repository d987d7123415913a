"""The ASGI application: WebSockets."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")

http = get_asgi_application()

from pms_backend.routing import websocket_urlpatterns  # noqa: E402 - the apps are loaded first

application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns)})
