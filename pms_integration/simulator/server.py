"""The HTTP server: keep-alive, the token, `Date` by the simulator's clock, and the faults of requests."""

import hmac
import json
import socket
import traceback
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from pms_integration.simulator import contract, control
from pms_integration.simulator.exchange import Answer, Refusal, Request, find_handler
from pms_integration.simulator.simulation import Simulation

MAX_BODY_BYTES: Final = 5 * 1024 * 1024
_ROUTES: Final = {**contract.ROUTES, **control.ROUTES}
_LISTS: Final = ("products", "stock")


class SimulatorServer(ThreadingHTTPServer):
    """Serves one simulation. Raises `OSError` where the port is not free."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, port: int, simulation: Simulation) -> None:
        self.simulation = simulation
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.server_address[0]!s}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: SimulatorServer
    protocol_version = "HTTP/1.1"
    server_version = "pms-simulator"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024

    def __getattr__(self, name: str) -> Any:
        # Every method is routed, so that each gets its 404 or 405.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        simulation = self.server.simulation
        body = self._read_body()
        if body is None:
            return
        request = Request(self.command, self.path, self.headers, body)
        line = f"{self.command} {self.path}"
        is_control = request.segments[:1] == (control.PREFIX,)
        fault = "" if is_control else simulation.faults.of_request(line)
        if not is_control:
            with simulation.transaction() as work:
                work.count("requests")
                if fault:
                    work.count(f"faults.{fault}")
        if fault == "timeout_before":
            self._hang()
        elif fault.isdecimal():
            seconds = simulation.faults.seconds("retry_after_seconds")
            headers = {} if fault == "500" else {"Retry-After": f"{seconds:.0f}"}
            self._answer(Answer(int(fault), {"code": "fault", "detail": "The simulator fails on demand."}, headers))
        else:
            self._answer_with(fault, respond(simulation, request))

    def _answer_with(self, fault: str, answer: Answer) -> None:
        """Sends the answer as the fault changes it."""
        if fault == "timeout_after":
            self._hang()
        elif fault == "half_answer":
            raw = _encoded(answer)
            self._send(answer.status, raw[: len(raw) // 2], {**answer.headers, "Content-Length": str(len(raw))})
            self.close_connection = True
        elif fault == "wrong_json":
            self._send(answer.status, self.server.simulation.faults.wrong_json(_encoded(answer)), answer.headers)
        elif fault == "truncated_listing" and answer.status == HTTPStatus.OK:
            lists = {name: rows[: len(rows) // 2] for name, rows in answer.body.items() if name in _LISTS}
            self._answer(Answer(answer.status, {**lists, "next": None}))
        else:
            self._answer(answer)

    def _read_body(self) -> bytes | None:
        """The body; None if it was refused."""
        length = self.headers.get("Content-Length", "0")
        refusal = None
        if "Transfer-Encoding" in self.headers:
            refusal = Refusal(411, "length_required", "Content-Length is required.")
        elif not (length.isascii() and length.isdecimal() and len(length) < 16):
            refusal = Refusal(400, "malformed_request", "Content-Length is no number.")
        elif int(length) > MAX_BODY_BYTES:
            refusal = Refusal(413, "too_large", f"A body has at most {MAX_BODY_BYTES} bytes.")
        if refusal is None:
            return self.rfile.read(int(length))
        self.close_connection = True
        self._answer(Answer(refusal.status, refusal.body))
        return None

    def _hang(self) -> None:
        """Does not answer until the client has left or the time is over, then closes the connection."""
        self.connection.settimeout(self.server.simulation.faults.seconds("timeout_seconds"))
        with suppress(OSError):
            self.connection.recv(1, socket.MSG_PEEK)
        self.close_connection = True

    def _answer(self, answer: Answer) -> None:
        self._send(answer.status, _encoded(answer), answer.headers)

    def _send(self, status: int, raw: bytes, headers: Mapping[str, str]) -> None:
        own = {"Content-Type": "application/json", "Content-Length": str(len(raw))}
        if self.close_connection:
            own["Connection"] = "close"
        try:
            self.send_response(status)
            for name, value in {**own, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(raw)
            self.wfile.flush()
        except OSError:  # the client has left
            self.close_connection = True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no HTTP gets JSON too."""
        self.close_connection = True
        self._answer(Answer(code, {"code": "malformed_request", "detail": message or HTTPStatus(code).phrase}))

    def date_time_string(self, timestamp: float | None = None) -> str:
        """`Date` by the simulator's clock."""
        return self.server.simulation.clock.date_header()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Logs nothing: the counters say what happened."""


def respond(simulation: Simulation, request: Request) -> Answer:
    """The answer to a request, without faults."""
    try:
        _require_token(simulation, request)
        handler, parameters = find_handler(_ROUTES, request)
        return handler(simulation, request, *parameters)
    except Refusal as refusal:
        with simulation.transaction() as work:
            work.count(f"refused.{refusal.status}.{refusal.body['code']}")
        return Answer(refusal.status, refusal.body, refusal.headers)
    except Exception:  # a bug of the simulator must not look like a fault of the network
        traceback.print_exc()
        return Answer(500, {"code": "bug", "detail": "The simulator has failed."})


def _require_token(simulation: Simulation, request: Request) -> None:
    expected, given = f"Bearer {simulation.token}", request.headers.get("Authorization", "")
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise Refusal(401, "unauthorized", "The token is missing or wrong.", headers={"WWW-Authenticate": "Bearer"})


def _encoded(answer: Answer) -> bytes:
    return json.dumps(answer.body, separators=(",", ":")).encode()
