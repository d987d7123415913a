"""Processes that count in a directory of metrics, as told line by line."""

import os
import subprocess
import sys
from pathlib import Path

from tests.flows.stack import ROOT

RUN: str = """
import os, sys
from pms_backend import metrics
print("ready", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


class CountingProcess:
    """A process that runs the lines of Python that it is told, with `metrics` imported."""

    def __init__(self, directory: Path, *wrapper: str) -> None:
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(directory)}
        self.process = subprocess.Popen(
            (*wrapper, sys.executable, "-c", RUN), cwd=ROOT, env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._line() == "ready\n"

    def run(self, line: str) -> None:
        """Returns when the line has been run."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        assert self._line() == "done\n"

    def kill(self) -> None:
        """By SIGKILL."""
        self.process.kill()
        self.end()

    def end(self) -> None:
        """Lets the process end by itself, unless it was killed."""
        self.process.communicate(timeout=60)

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()
