"""A web process that is killed after a request is committed and before its response is sent.

`python -m tests.faults.dies_before_the_answer PATH BODY KEY IDEMPOTENCY_KEY`
"""

import os
import signal
import sys
from collections.abc import Callable

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client

from tests.both_handlers import use_both_handlers


def die_before_the_answer(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], None]:
    """The outermost middleware."""

    def middleware(request: HttpRequest) -> None:
        response = get_response(request)
        sys.stdout.write(str(response.status_code))
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    return middleware


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
    django.setup()
    settings.API_MIDDLEWARE = ["tests.faults.dies_before_the_answer.die_before_the_answer", *settings.API_MIDDLEWARE]
    settings.ALLOWED_HOSTS = ["*"]
    use_both_handlers()
    path, body, key, idempotency_key = sys.argv[1:]
    headers = {"X-Api-Key": key, "Idempotency-Key": idempotency_key}
    Client().post(path, body, content_type="application/json", headers=headers)
