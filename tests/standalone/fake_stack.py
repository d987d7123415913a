"""The supervisor with a stack of fake programs: `python -m tests.standalone.fake_stack`, driven by the environment."""

import os
import sys
from pathlib import Path

from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.console import Console
from pms_backend.standalone.env_file import load_env_file
from pms_backend.standalone.exceptions import report_startup_errors
from pms_backend.standalone.program import Program, StopOrder
from pms_backend.standalone.programs import Stack
from pms_backend.standalone.stop_signals import StopSignals
from pms_backend.standalone.supervisor import Supervisor

FAKE_PROGRAM = Path(__file__).with_name("fake_program.py")


def program(name: str, stop_order: StopOrder = StopOrder.PRODUCERS, *, is_web: bool = False) -> Program:
    return Program(name, (sys.executable, "-S", str(FAKE_PROGRAM), name), stop_order, is_web=is_web)


STACK = Stack(
    migrate=program("migrate"),
    sample_data=program("load_sample_data"),
    programs=(
        program("web", is_web=True),
        program("sockets"),
        program("relay", StopOrder.WORKERS),
        program("sync", StopOrder.WORKERS),
        program("pms", StopOrder.WORKERS),
        program("deliveries", StopOrder.WORKERS),
        program("worker", StopOrder.WORKERS),
        program("beat"),
    ),
)


if __name__ == "__main__":
    signals = StopSignals()
    with report_startup_errors():
        load_env_file()
        Supervisor(Configuration.from_environment(os.environ), STACK, Console(), signals).run()
