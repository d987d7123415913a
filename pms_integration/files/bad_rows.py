"""The lines of the refused products of an import, as a CSV file that can be corrected and imported again."""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import groupby, takewhile
from typing import IO, Any, Final, cast

from pms_backend.api.spreadsheets import csv_row, guarded, guarded_code, is_guarded, unguarded_code
from pms_integration.exceptions import FileUnusable
from pms_integration.files.cells import CODES
from pms_integration.files.columns import Columns
from pms_integration.files.json_lines import read_lines
from pms_integration.files.reading import with_line_feeds
from pms_integration.files.records import FilePosition, Header, Record, read_header, read_records
from pms_integration.files.services.jobs import file_gone
from pms_integration.files.storage import private_files
from pms_integration.files.woocommerce import WooCommerceFile
from pms_integration.models import ImportFormat, ImportJob, ImportProblem

# Columns after those of the file; an import ignores them.
ADDED: Final = ("Import Line", "Import Column", "Import Code", "Import Error")


def bad_rows(job: ImportJob) -> Iterator[bytes]:
    """The file, in parts. Raises `ImportFileGone` at once if the imported file has been removed."""
    if not job.file or not private_files().exists(str(job.file)):
        raise file_gone()
    return _bad_rows(job)


def _bad_rows(job: ImportJob) -> Iterator[bytes]:
    problems = ImportProblem.objects.filter(job=job, is_warning=False).order_by("id").iterator()
    blocks = groupby(problems, key=lambda problem: (problem.block_offset, problem.block_end, problem.block_line))
    with private_files().open(str(job.file)) as opened:
        file = cast("IO[bytes]", opened)
        rows_of = _csv_rows if job.format == ImportFormat.CSV else _json_rows
        yield from rows_of(file, ((*block, list(found)) for block, found in blocks))


# Offset, end and first line of a product, and its problems.
Blocks = Iterable[tuple[int, int, int, list[ImportProblem]]]


def _csv_rows(file: IO[bytes], blocks: Blocks) -> Iterator[bytes]:
    try:
        file = with_line_feeds(file)
        header = read_header(file)
    except FileUnusable:
        header = Header([], FilePosition(0, 1))
    yield _row([*header.columns, *ADDED])
    columns = _columns_of(header)
    code_indexes = {index for code in CODES for index in columns.indexes(code)} if columns else set()
    records_of = _records_reader(file, header, columns)
    for offset, end, line, problems in blocks:
        for record in records_of(FilePosition(offset, line), end):
            yield _row([*_cells(record, len(header.columns), code_indexes), *_reasons(problems, record)])


def _records_reader(
    file: IO[bytes], header: Header, columns: Columns | None
) -> Callable[[FilePosition, int], Iterable[Record]]:
    """A function that reads the lines of the product between two positions; for WooCommerce, from the whole file."""
    if columns is None or not columns.is_woocommerce:
        return lambda start, end: takewhile(lambda record: record.start.offset < end, read_records(file, header, start))
    woocommerce = WooCommerceFile(file, header, columns)
    woocommerce.index(lambda: None)
    return lambda start, _: woocommerce.records_at(start)


def _columns_of(header: Header) -> Columns | None:
    try:
        return Columns(header.columns)
    except FileUnusable:
        return None


def _cells(record: Record, width: int, code_indexes: Collection[int]) -> list[str]:
    cells = (record.values + [""] * width)[:width]
    # A code written as a formula is unwrapped first: behind an apostrophe it would not be read as a code.
    return [guarded_code(unguarded_code(cell)) if index in code_indexes else cell for index, cell in enumerate(cells)]


def _reasons(problems: list[ImportProblem], record: Record) -> list[Any]:
    """The cells of `ADDED`: the line, and the problems of this record only."""
    own = [problem for problem in problems if record.start.line <= problem.line < max(record.end.line, record.line + 1)]
    columns = ("; ".join(dict.fromkeys(getattr(one, name) for one in own)) for name in ("column", "code"))
    return [record.line, *columns, " ".join(problem.detail for problem in own)]


def _json_rows(file: IO[bytes], blocks: Blocks) -> Iterator[bytes]:
    yield _row([*ADDED, "Line"])
    for offset, _, line, problems in blocks:
        _, _, raw = next(read_lines(file, FilePosition(offset, line)))
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        for problem in problems:
            yield _row([problem.line, problem.column, problem.code, problem.detail, text])


def _row(cells: list[Any]) -> bytes:
    return csv_row(guarded(cell) if isinstance(cell, str) and not is_guarded(cell) else cell for cell in cells)
