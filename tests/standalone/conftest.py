from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pms_backend.standalone.embedded import EmbeddedServers
from tests.standalone.running import FakeStack


@pytest.fixture(scope="session")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Of servers that are there already, for supervisors that need not start theirs."""
    with EmbeddedServers(tmp_path_factory.mktemp("given") / "data", durable=False) as servers:
        yield {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}


@pytest.fixture
def make_stack() -> Iterator[Callable[..., FakeStack]]:
    with ExitStack() as cleanup:

        def make(data_dir: Path, prefix: tuple[str, ...] = (), **environment: str) -> FakeStack:
            stack = FakeStack(data_dir, prefix, **environment)
            cleanup.callback(stack.kill)
            return stack

        yield make


@pytest.fixture
def light_stack(make_stack: Callable[..., FakeStack], tmp_path: Path, urls: dict[str, str]) -> FakeStack:
    """A stack with the servers of `urls`."""
    return make_stack(tmp_path / "data", **urls)


@pytest.fixture
def full_stack(make_stack: Callable[..., FakeStack], tmp_path: Path) -> FakeStack:
    """A stack with embedded servers of its own."""
    return make_stack(tmp_path / "data")
