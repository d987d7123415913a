import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pms_backend.standalone.embedded import EmbeddedServers
from tests.standalone.running import FakeStack


@pytest.fixture(scope="session")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The URLs of running servers, for supervisors that need not start their own."""
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


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DATA_DIR with a cluster and without servers, created once."""
    data_dir = tmp_path_factory.mktemp("cluster") / "data"
    with EmbeddedServers(data_dir):
        pass
    return data_dir


@pytest.fixture
def data_dir(cluster: Path, tmp_path: Path) -> Path:
    """A copy of `cluster` for one test."""
    subprocess.run(("cp", "-a", cluster, tmp_path / "data"), check=True)
    return tmp_path / "data"


@pytest.fixture
def full_stack(make_stack: Callable[..., FakeStack], data_dir: Path) -> FakeStack:
    """A stack with embedded servers of its own."""
    return make_stack(data_dir)


@pytest.fixture(scope="module")
def shared_stack(tmp_path_factory: pytest.TempPathFactory, urls: dict[str, str]) -> Iterator[FakeStack]:
    """A stack that runs, for tests that leave it as they found it."""
    stack = FakeStack(tmp_path_factory.mktemp("shared") / "data", **urls)
    try:
        stack.start()
        yield stack
    finally:
        stack.kill()
