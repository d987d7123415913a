"""The lines of the products that an import left out, as a CSV that can be mended and imported again."""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import IO, Any, Final, cast

from django.core.files.storage import default_storage

from pms_integration.exceptions import ImportFileGone
from pms_integration.files.cells import guarded
from pms_integration.files.json_lines import lines_of
from pms_integration.files.limits import KEPT_FILE_DAYS
from pms_integration.files.line_ends import with_line_feeds
from pms_integration.files.problems import FileUnusable
from pms_integration.files.records import Header, Place, Record, read_header, read_records
from pms_integration.models import ImportFormat, ImportJob, ImportProblem

# Behind the file's own columns; an import passes over them.
ADDED: Final = ("Import Line", "Import Column", "Import Code", "Import Error")


def bad_rows(job: ImportJob) -> Iterator[bytes]:
    """The file, in parts. Raises `ImportFileGone` at once where the import's own file is not kept any more."""
    if not job.file or not default_storage.exists(str(job.file)):
        raise ImportFileGone(f"The file of an import is kept for {KEPT_FILE_DAYS} days after its end.")
    return _bad_rows(job)


def _bad_rows(job: ImportJob) -> Iterator[bytes]:
    problems = ImportProblem.objects.filter(job=job, is_warning=False).order_by("id").iterator()
    blocks = groupby(problems, key=lambda problem: (problem.block_offset, problem.block_end, problem.block_line))
    with default_storage.open(str(job.file)) as opened:
        file = cast("IO[bytes]", opened)
        write = _of_csv if job.format == ImportFormat.CSV else _of_json_lines
        yield from write(file, ((*place, list(found)) for place, found in blocks))


Blocks = Iterable[tuple[int, int, int, list[ImportProblem]]]


def _of_csv(file: IO[bytes], blocks: Blocks) -> Iterator[bytes]:
    try:
        file = with_line_feeds(file)
        header = read_header(file)
    except FileUnusable:
        header = Header([], Place(0, 1))
    yield _row([*header.columns, *ADDED])
    for offset, end, line, problems in blocks:
        for record in read_records(file, header, Place(offset, line)):
            if record.start.offset >= end:
                break
            yield _row([*_cells(record, len(header.columns)), *_reasons(problems, record)])


def _cells(record: Record, width: int) -> list[str]:
    return (record.values + [""] * width)[:width]


def _reasons(problems: list[ImportProblem], record: Record) -> list[Any]:
    """What is wrong with these lines; of the product's others it says nothing but where they stood."""
    mine = [
        problem for problem in problems if record.start.line <= problem.line < max(record.end.line, record.line + 1)
    ]
    columns = ("; ".join(dict.fromkeys(getattr(one, name) for one in mine)) for name in ("column", "code"))
    return [record.line, *columns, " ".join(guarded(problem.detail) for problem in mine)]


def _of_json_lines(file: IO[bytes], blocks: Blocks) -> Iterator[bytes]:
    yield _row([*ADDED, "Line"])
    for offset, _, line, problems in blocks:
        _, _, raw = next(lines_of(file, Place(offset, line)))
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        for problem in problems:
            yield _row([problem.line, problem.column, problem.code, guarded(problem.detail), text])


def _row(cells: list[Any]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue().encode()
