"""What one exchange with Redis costs an empty view of Django: no cached read that asks Redis is faster.

The thread that waits for the reply gives up its turn, and is woken when it comes.
"""

import os
import threading

import redis
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import re_path
from hiredis import Reader, pack_command
from redis.connection import parse_url


class _OfThread(threading.local):
    def __init__(self) -> None:
        # redis-py only connects: its own sending and reading takes longer than the command.
        self.connection = redis.Connection(**parse_url(os.environ["REDIS_URL"]))
        self.connection.connect()
        self.socket = self.connection._sock
        self.reader = Reader()


_of_thread = _OfThread()
_GET = pack_command(("GET", "bench:nothing"))


def empty(_: HttpRequest) -> HttpResponse:
    """An empty 200, after one GET of a key that does not exist."""
    own = _of_thread
    own.socket.sendall(_GET)
    own.reader.feed(own.socket.recv(65_536))
    own.reader.gets()
    return HttpResponse(headers={"Content-Length": "0"})


urlpatterns = [re_path("", empty)]

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, SECRET_KEY="benchmark", USE_TZ=True)
application = get_wsgi_application()
