"""Runs a command with servers: `python -m pms_backend.standalone.servers [--data-dir DIR] COMMAND…`

The command finds an embedded PostgreSQL and Redis by DATABASE_URL and REDIS_URL. They end with it, and this program
exits with its exit code. Without a --data-dir they store nothing and are faster.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from pms_backend.standalone.embedded import EmbeddedServers
from pms_backend.standalone.exceptions import report_startup_errors

COMMAND_NOT_FOUND = 127
KILLED = 128


def run(command: list[str], environment: dict[str, str]) -> int:
    """Returns the command's exit code, as a shell would. Ctrl-C reaches the command itself, so it is ignored here."""
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        sys.stderr.write(f"error: {command[0]}: {error.strerror}\n")
        return COMMAND_NOT_FOUND
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: process.send_signal(number))
    code = process.wait()
    return code if code >= 0 else KILLED - code


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(KILLED + number))
    parser = argparse.ArgumentParser(prog="python -m pms_backend.standalone.servers", description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="where the servers store their data, by default temporarily")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        parser.error("a COMMAND is needed")
    with report_startup_errors(), ExitStack() as stack:
        data_dir = arguments.data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pms-servers-")))
        servers = stack.enter_context(EmbeddedServers(data_dir, durable=arguments.data_dir is not None))
        urls = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
        return run(command, {**os.environ, **urls})


if __name__ == "__main__":
    sys.exit(main())
