"""One stack for all flows, because it starts slowly."""

from collections.abc import Iterator

import pytest

from tests.flows.stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole system, with its sample data."""
    yield from running_stack(tmp_path_factory.mktemp("stack"))
