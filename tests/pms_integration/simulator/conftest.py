"""Simulators in this process, which end with the test."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any, Protocol

import pytest

from tests.pms_integration.simulator.calling import SimulatorHere
from tests.pms_integration.simulator.receiving import Receiver


class Start(Protocol):
    """Starts a simulator with these settings."""

    def __call__(self, **settings: Any) -> SimulatorHere: ...


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(closing(SimulatorHere(**settings)))


@pytest.fixture
def pms(start: Start) -> SimulatorHere:
    return start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with closing(Receiver()) as receiver:
        yield receiver
