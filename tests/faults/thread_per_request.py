"""A web server whose every request has a thread of its own: `python -m tests.faults.thread_per_request PORT`."""

import gc
import sys
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.db import connections

from pms_backend.wsgi import application


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 100

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        super().process_request_thread(request, client_address)
        # PostgreSQL's are not what is counted, and would run out.
        connections.close_all()


class Handler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None: ...


if __name__ == "__main__":
    # What lies in a cycle stays as long as it may in a process that has little to do.
    gc.disable()
    make_server("127.0.0.1", int(sys.argv[1]), application, Server, Handler).serve_forever()
