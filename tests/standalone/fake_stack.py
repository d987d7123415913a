"""The supervisor with a stack of fake children: `python -m tests.standalone.fake_stack`, driven by the environment."""

import os
import sys
from pathlib import Path

from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.console import Console
from pms_backend.standalone.exceptions import report_startup_errors
from pms_backend.standalone.program import Phase, Program
from pms_backend.standalone.programs import Stack
from pms_backend.standalone.signals import Signals
from pms_backend.standalone.supervisor import Supervisor

CHILD = Path(__file__).with_name("fake_child.py")


def program(name: str, phase: Phase = Phase.EDGE, *, is_web: bool = False) -> Program:
    return Program(name, (sys.executable, "-S", str(CHILD), name), phase, is_web=is_web)


HOUSE = Stack(
    migrate=program("migrate"),
    sample_data=program("load_sample_data"),
    children=(
        program("web", is_web=True),
        program("sockets"),
        program("relay", Phase.WORKERS),
        program("sync", Phase.WORKERS),
        program("worker", Phase.WORKERS),
        program("beat"),
    ),
)


if __name__ == "__main__":
    signals = Signals()
    with report_startup_errors():
        Supervisor(Configuration.from_environment(os.environ), HOUSE, Console(), signals).run()
