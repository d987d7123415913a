"""The file of prepared requests that the load generators send: before each request, its length on a line."""

from collections.abc import Iterable, Iterator
from pathlib import Path


def write_requests(path: Path, requests: Iterable[bytes]) -> None:
    """Writes the file."""
    with path.open("wb") as file:
        for request in requests:
            file.write(b"%d\n%b" % (len(request), request))


def read_requests(path: Path) -> Iterator[bytes]:
    """Reads it again."""
    with path.open("rb") as file:
        for length in file:
            yield file.read(int(length))
