"""What a file costs grows with its length, whatever it holds."""

import io
from collections.abc import Iterator
from typing import Any

import pytest

from pms_integration.exceptions import FileUnusable
from pms_integration.files import limits, records
from pms_integration.files.reading import with_line_feeds
from pms_integration.files.records import FilePosition, Header
from pms_integration.models import ImportJob
from tests.conftest import JSONClient
from tests.pms_integration.files.importing import counts, imported, table

# Each of these would take hours where the time grows with the square of the length.
RUN = limits.MAX_RECORD_BYTES // 4


class CountingFile(io.BytesIO):
    """Says how many bytes have been read of it."""

    count = 0

    def readline(self, size: Any = -1) -> bytes:
        found = super().readline(size)
        self.count += len(found)
        return found


@pytest.mark.parametrize("content", [b"\r" * RUN + b"x", b"\r" * RUN + b"\n", b"\r" * RUN], ids=("x", "n", "end"))
def test_long_runs_of_carriage_returns_are_read_once(content: bytes):
    assert with_line_feeds(io.BytesIO(content)).read(1) == (b"\r" if content.endswith(b"\n") else b"\n")


@pytest.mark.django_db
def test_long_runs_of_spaces_in_a_category_are_read_once(api: JSONClient):
    category = f"Home{' ' * RUN}Towels"

    job = imported(api, table({"Handle": "lamp", "Title": "Lamp", "Product Category": category}))

    assert [one["code"] for one in job["errors"]] == ["invalid_category"]


def opening_quotes(count: int) -> bytes:
    # Within quotes and outside of them each line ends with an open one.
    return b'a",",c\n' * count


def unclosed(file: io.BytesIO) -> Iterator[records.Record]:
    return records.read_records(file, Header(["Handle", "Title"], FilePosition(0, 1)), FilePosition(0, 1))


def test_lines_that_each_open_a_quote_are_not_each_read_to_the_end():
    file = CountingFile(opening_quotes(RUN // 7))

    with pytest.raises(FileUnusable, match=r"Too many quotes are not closed, up to that of line 1[0-9]"):
        for _ in unclosed(file):
            continue

    assert file.count < 8 * limits.MAX_RECORD_BYTES


def test_some_lines_that_open_a_quote_cost_themselves_only():
    file = CountingFile(opening_quotes(100) + b"lamp,Lamp\n" * 10)

    assert [record.problem is None for record in unclosed(file)] == [False] * 100 + [True] * 10


@pytest.mark.django_db
def test_a_file_of_open_quotes_fails_at_its_first_attempt(api: JSONClient, monkeypatch):
    monkeypatch.setattr(records, "MAX_BYTES_READ_AGAIN", 1_000)

    job = imported(api, b"Handle,Title\n" + opening_quotes(100))

    assert (job["status"], counts(job), ImportJob.objects.get().claims) == ("failed", {}, 1)
    assert job["error"].startswith("Too many quotes are not closed, up to that of line ")
