"""The whole system with real processes, used as a client uses it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
from standardwebhooks import Webhook

from tests.ports import free_port_pair

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 120
STOP_SECONDS = 20
APPLIED_SECONDS = 180
SETTINGS_OF_THE_TESTS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DATABASE_POOLER")


class Stack:
    """`python -m pms_backend.standalone` with a data directory and ports of its own."""

    def __init__(self, directory: Path) -> None:
        self.data_dir = directory / "data"
        self.log = directory / "log"
        port = free_port_pair()
        # Without the tests' own servers, so that the stack starts its own.
        inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS_OF_THE_TESTS}
        own = {
            "DATA_DIR": str(self.data_dir), "PORT": str(port), "WS_PORT": str(port + 1), "RATE_LIMITS": "off",
            # Where the tests have servers of their own.
            "OUTBOUND_ALLOW": "127.0.0.1",
        }  # fmt: skip
        self.environment = inherited | own
        self.quickstart: dict[str, Any] = {}
        self.http = httpx.Client(timeout=60)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pms_backend.standalone"], cwd=ROOT, env=self.environment, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + READY_SECONDS
        path = self.data_dir / "quickstart.json"
        while not path.exists():
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]
            time.sleep(0.1)
        self.quickstart = orjson.loads(path.read_bytes())

    def pids(self, name: str) -> list[int]:
        """The current processes of this name: killed ones are replaced."""
        pids: list[int] = orjson.loads((self.data_dir / "quickstart.json").read_bytes())["pids"][name]
        return pids

    def stop(self) -> None:
        self.http.close()
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(STOP_SECONDS)

    def call(self, method: str, path: str, **more: Any) -> Any:
        """Returns the JSON of one API call, which must succeed."""
        url = path if path.startswith("http") else f"{self.quickstart['base_url']}/api/v1{path}"
        response = self.http.request(method, url, headers={"X-Api-Key": self.quickstart["api_key"]}, **more)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text[:300]}"
        return response.json()

    def every(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """All rows of a list."""
        answer = self.call("GET", path, params={"page_size": 200, **parameters})
        rows: list[dict[str, Any]] = answer["results"]
        while answer["next"]:
            answer = self.call("GET", answer["next"])
            rows += answer["results"]
        return rows

    def send(self, type: str, data: dict[str, Any], *, webhook_id: str) -> int:
        """Sends one signed webhook; returns the status of the response."""
        now = datetime.now(tz=UTC)
        body = orjson.dumps({"type": type, "timestamp": now.isoformat(), "data": data})
        pms = self.quickstart["pms"]
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(pms["webhook_secret"]).sign(webhook_id, now, body.decode()),
        }
        return self.http.post(pms["webhook_url"], content=body, headers=headers).status_code

    def wait_until_applied(self) -> dict[str, int]:
        """Waits until every webhook is processed; returns how many are in which state."""
        deadline = time.monotonic() + APPLIED_SECONDS
        while True:
            summary: dict[str, int] = self.call("GET", "/pms/events/summary/")
            if not sum(summary.get(state, 0) for state in ("received", "processing", "deferred", "failed")):
                return summary
            assert time.monotonic() < deadline, summary
            time.sleep(0.2)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`manage.py` as an operator runs it: it finds the running stack by DATA_DIR."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip


def running_stack(directory: Path) -> Iterator[Stack]:
    """A stack from its start to its stop."""
    stack = Stack(directory)
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()
