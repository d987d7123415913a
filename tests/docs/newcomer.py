"""Somebody who has cloned the repository and follows its pages, block by block, in a shell."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.docs.pages import ROOT, Block, blocks_of
from tests.flows.stack import SETTINGS_OF_THE_TESTS
from tests.ports import free_port_pair
from tests.products.pictures import picture

OF_THE_TESTS: Final = (*SETTINGS_OF_THE_TESTS, "ENV_FILE", "RATE_LIMITS", "DJANGO_SETTINGS_MODULE")
READY_SECONDS: Final = 240
PAGE_SECONDS: Final = 300
# Notes the status and the body of each request beside what curl does anyway.
CURL: Final = """#!/bin/bash
call="$CALLS/$BLOCK-$(ls "$CALLS" | wc -l)"
/usr/bin/curl -sS -w '%{stderr}%{http_code}' "$@" 2> "$call.status" | tee "$call.body"
exit "${PIPESTATUS[0]}"
"""
FIRST_ERROR: Final = 400
MARK: Final = re.compile(r"^@@([0-9]+)@@\n", re.MULTILINE)
GUIDE: Final = "docs/api-guide.md"
# What a page says that the reader has, before its blocks of a language.
GIVEN: Final = {
    ("docs/webhooks.md", "python"): """
from datetime import UTC, datetime
from standardwebhooks import Webhook

secret, body, now = "whsec_c2VjcmV0IG9mIGFuIGVuZHBvaW50IQ==", "{}", datetime.now(UTC)
headers = {
    "webhook-id": "evt_1", "webhook-timestamp": str(int(now.timestamp())),
    "webhook-signature": Webhook(secret).sign("evt_1", now, body),
}
""",
    ("docs/webhooks.md", "js"): """
import { Webhook as Signer } from "standardwebhooks";

const [secret, body, now] = ["whsec_c2VjcmV0IG9mIGFuIGVuZHBvaW50IQ==", "{}", new Date()];
const headers = {
  "webhook-id": "evt_1", "webhook-timestamp": String(Math.floor(now / 1000)),
  "webhook-signature": new Signer(secret).sign("evt_1", now, body),
};
""",
}
STATUS_PRINTED: Final = re.compile(r"^([45][0-9]{2}) ", re.MULTILINE)


@dataclass
class Call:
    """A request that curl has made."""

    status: int
    body: str

    @property
    def answer(self) -> Any:
        """Its JSON, without the head that `curl -i` shows; None if it has none."""
        try:
            return json.loads(self.body.replace("\r", "").rpartition("\n\n")[2])
        except ValueError:
            return None


@dataclass
class Done:
    """Lines that were run; `code` is None if they did not end."""

    code: int | None
    stdout: str
    stderr: str


class Newcomer:
    """A clone of the repository, in an empty directory, with ports of its own."""

    def __init__(self, directory: Path, *, python: bool) -> None:
        """`python`: with the installed packages, to save minutes."""
        self.banner = ""  # what the start of its stack has printed
        self.clone, self._calls, programs = directory / "clone", directory / "calls", directory / "bin"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.clone)], check=True)
        self._calls.mkdir()
        programs.mkdir()
        (programs / "curl").write_text(CURL)
        (programs / "curl").chmod(0o755)
        self.port, self.pms_port = free_port_pair(), free_port_pair()
        if python:
            (self.clone / ".venv").symlink_to((ROOT / ".venv").resolve())
            for path in self.clone.glob("requirements*.txt"):
                os.utime(path, (0, 0))  # so that make finds them installed
        modules = ROOT / "docs/examples/node_modules"
        if modules.exists():
            (self.clone / "node_modules").symlink_to(modules.resolve())
        (self.clone / "mug.jpg").write_bytes(picture())  # the photo that the API guide asks for
        inherited = {name: value for name, value in os.environ.items() if name not in OF_THE_TESTS}
        self.environment = {
            **inherited, "PORT": str(self.port), "NO_PROXY": "*", "MAKEFLAGS": "",
            "PATH": f"{programs}:{os.environ['PATH']}", "CALLS": str(self._calls), "BLOCK": "0",
        }  # fmt: skip

    def here(self, text: str) -> str:
        """The text with the ports of this clone instead of the usual ones."""
        usual = {"127.0.0.1:8000": f"127.0.0.1:{self.port}", "9000": str(self.pms_port)}
        for before, after in usual.items():
            text = text.replace(before, after)
        return text

    @contextmanager
    def running(self, command: str) -> Iterator[str]:
        """Runs a command that starts the stack, until the end of the block; gives what it has printed when ready."""
        log = self.clone.parent / f"log-{len(list(self.clone.parent.glob('log-*')))}"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", command], cwd=self.clone, env=self.environment, stdout=out, stderr=out,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        try:
            deadline = time.monotonic() + READY_SECONDS
            while "Ready after" not in log.read_text():
                assert process.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < deadline, log.read_text()[-2000:]
                time.sleep(0.2)
            yield log.read_text()
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(30)

    def run(self, command: str, seconds: float = PAGE_SECONDS) -> Done:
        """Runs lines in one shell, which ends with the first that fails; what is left in the background is ended."""
        printed, errors = self.clone.parent / "stdout", self.clone.parent / "stderr"
        with printed.open("w") as stdout, errors.open("w") as stderr:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", f"set -a\n{self.here(command)}"], cwd=self.clone,
                env=self.environment, stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        code = None
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(seconds)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return Done(code, printed.read_text(), errors.read_text())

    def follow(self, page: str) -> list[str]:
        """Runs the blocks of a page in their order; returns what is wrong, each with its place."""
        blocks = [block for block in blocks_of(page) if block.is_run]
        # What the other pages say: BASE and KEY are those of the API guide.
        first = [] if page == GUIDE else [next(block for block in blocks_of(GUIDE))]
        for path in self._calls.iterdir():
            path.unlink()
        done = self.run("".join(_in_shell(number, block) for number, block in enumerate([*first, *blocks])))
        printed = dict(zip(*[iter(MARK.split(done.stdout)[1:])] * 2, strict=True))
        read = [*first, *blocks]
        problems = [
            f"{read[int(number)].place}: {problem}"
            for number, text in printed.items()
            for problem in self._problems(read[int(number)], number, text)
        ]
        if done.code != 0:
            last = read[int(list(printed)[-1])]
            problems.append(f"{last.place}: exit code {done.code}\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
        return problems

    def _problems(self, block: Block, number: str, printed: str) -> Iterator[str]:
        calls = self._calls_of(number)
        for call in calls:
            code = (call.answer or {}).get("code", "")
            if call.status >= FIRST_ERROR and not re.search(rf"{call.status} `{code}`", " ".join(block.after.split())):
                yield f"{call.status} {call.body[:500]}"
        if block.language == "python" and (status := STATUS_PRINTED.search(printed)):
            yield f"it has printed {status[0]}"
        if block.answer:
            yield from differences(json.loads(block.answer), calls[-1].answer if calls else None)

    def _calls_of(self, number: str) -> list[Call]:
        paths = sorted(self._calls.glob(f"{number}-*.status"), key=lambda path: int(path.stem.partition("-")[2]))
        return [Call(int(path.read_text()[-3:] or 0), path.with_suffix(".body").read_text()) for path in paths]


def _in_shell(number: int, block: Block) -> str:
    before, after = {
        "sh": ("", ""),
        "python": (".venv/bin/python - <<'PYTHON'\n", "PYTHON\n"),
        "js": ("node --input-type=module - <<'JS'\n", "JS\n"),
    }[block.language]
    given = GIVEN.get((block.page, block.language), "")
    return f"BLOCK={number}\nprintf '\\n@@{number}@@\\n'\n{before}{given}{block.runnable}{after}"


def differences(shown: Any, came: Any, place: str = "") -> Iterator[str]:
    """Where an answer that a page shows has other members than the one that came; a row may stand for its list."""
    if isinstance(shown, dict) and isinstance(came, dict):
        if "results" in came and "results" not in shown:
            came = (came["results"] or [None])[0]
            yield from differences(shown, came, f"{place}/results/0")
            return
        if shown.keys() != came.keys():
            yield f"{place or '/'} shows {sorted(shown)}, and {sorted(came)} came"
        for name in shown.keys() & came.keys():
            yield from differences(shown[name], came[name], f"{place}/{name}")
    elif isinstance(shown, list) and isinstance(came, list):
        if shown and not came:
            yield f"{place} shows entries, and none came"
        for index, pair in enumerate(zip(shown, came, strict=False)):
            yield from differences(*pair, f"{place}/{index}")
    elif isinstance(shown, dict | list) or isinstance(came, dict | list):
        yield f"{place or '/'} shows {shown!r}, and {came!r} came"
