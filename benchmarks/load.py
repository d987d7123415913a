"""Loads a web server: by wrk where it is installed, otherwise by `benchmarks.generator`."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks.generator import answer_to
from benchmarks.measure import Load
from benchmarks.request_file import read_requests, write_requests
from benchmarks.workloads import Keys, Workload
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Program
from pms_backend.standalone.programs import PYTHON

SCRIPT = Path(__file__).with_name("wrk.lua")
# In addition to the time of the load: its start, the preparation of requests, and its timeout for a silent server.
MORE_SECONDS = 60
ANSWER_SECONDS = 30


def wrk_version() -> str | None:
    """None where wrk is not installed."""
    if shutil.which("wrk") is None:
        return None
    shown = subprocess.run(("wrk", "--version"), capture_output=True, text=True, check=False).stdout
    found = re.match(r"wrk (?:\w+/)?(\S+)", shown)
    return found[1] if found else "of unknown version"


@dataclass(frozen=True, slots=True)
class Loader:
    """Sends requests to web servers of this machine. `directory`: for their files."""

    processes: Processes
    directory: Path
    keys: Keys
    clients: int
    has_wrk: bool

    def load(self, workload: Workload, port: int, seconds: float) -> Load:
        """One round. Raises `StartupError` if the generator fails."""
        path = self.directory / f"{workload.name}.requests"
        if workload.is_for_one_round or not path.exists():
            write_requests(path, workload.requests(self.keys, seconds))
        mode = ("in-pairs",) if workload.in_pairs else ()
        clients = str(workload.clients or self.clients)
        if self.has_wrk and not workload.takes_long:
            arguments = (
                *("wrk", "--threads", "1", "--connections", clients, "--duration", f"{max(1, round(seconds))}s"),
                *("--timeout", f"{ANSWER_SECONDS}s", "--script", str(SCRIPT), f"http://127.0.0.1:{port}"),
                *("--", str(path), *mode),
            )
        else:
            arguments = (*PYTHON, "benchmarks.generator", str(port), clients, str(seconds), str(path), *mode)
        lines = self.processes.run(Program("load", arguments), seconds + MORE_SECONDS)
        return self._read(workload, port, path, orjson.loads(lines[-1]))

    def _read(self, workload: Workload, port: int, path: Path, found: dict[str, float | str]) -> Load:
        reused = int(found["reused"]) if workload.is_for_one_round else 0
        failures = int(found["refused"]) + int(found["broken"]) + reused
        failure = str(found.get("failure", ""))
        if failures and not failure:
            failure = (
                f"{found['refused']} refused, {found['broken']} without an answer, {reused} sent twice because too few"
                f" were prepared; now the first one is answered {answer_to(next(read_requests(path)), port)!r}"
            )
        return Load(
            count=int(found["requests"]) * workload.rows // (2 if workload.in_pairs else 1),
            seconds=float(found["seconds"]),
            p50_ms=float(found["p50_ms"]),
            p99_ms=float(found["p99_ms"]),
            failures=failures,
            failure=failure,
        )
