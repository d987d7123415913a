"""The lines of the products that an import left out, as a CSV that can be mended and imported again."""

import csv
import io
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import groupby, takewhile
from typing import IO, Any, Final, cast

from pms_integration.exceptions import ImportFileGone
from pms_integration.files.cells import guarded, guarded_code, is_guarded, unguarded_code
from pms_integration.files.columns import Columns
from pms_integration.files.csv_lines import LINE_END, LineFeeds
from pms_integration.files.json_lines import lines_of
from pms_integration.files.limits import KEPT_FILE_DAYS
from pms_integration.files.line_ends import with_line_feeds
from pms_integration.files.problems import FileUnusable
from pms_integration.files.product_cells import CODES
from pms_integration.files.records import Header, Place, Record, read_header, read_records
from pms_integration.files.storage import private_files
from pms_integration.files.woocommerce import WooCommerceFile
from pms_integration.models import ImportFormat, ImportJob, ImportProblem

# Behind the file's own columns; an import passes over them.
ADDED: Final = ("Import Line", "Import Column", "Import Code", "Import Error")


def bad_rows(job: ImportJob) -> Iterator[bytes]:
    """The file, in parts. Raises `ImportFileGone` at once where the import's own file is not kept any more."""
    if not job.file or not private_files().exists(str(job.file)):
        raise ImportFileGone(f"The file of an import is kept for {KEPT_FILE_DAYS} days after its end.")
    return _bad_rows(job)


def _bad_rows(job: ImportJob) -> Iterator[bytes]:
    problems = ImportProblem.objects.filter(job=job, is_warning=False).order_by("id").iterator()
    blocks = groupby(problems, key=lambda problem: (problem.block_offset, problem.block_end, problem.block_line))
    with private_files().open(str(job.file)) as opened:
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
    columns = _columns_of(header)
    code_places = {place for code in CODES for place in columns.places(code)} if columns else set()
    records_of = _records_of_blocks(file, header, columns)
    for offset, end, line, problems in blocks:
        for record in records_of(Place(offset, line), end):
            yield _row([*_cells(record, len(header.columns), code_places), *_reasons(problems, record)])


def _records_of_blocks(
    file: IO[bytes], header: Header, columns: Columns | None
) -> Callable[[Place, int], Iterable[Record]]:
    """Finds the lines of the product that begins at a place: up to another, or wherever WooCommerce has put them."""
    if columns is None or not columns.is_woocommerces:
        return lambda place, end: takewhile(lambda record: record.start.offset < end, read_records(file, header, place))
    woocommerce = WooCommerceFile(file, header, columns)
    woocommerce.read(lambda: None)
    return lambda place, _: woocommerce.records_at(place)


def _columns_of(header: Header) -> Columns | None:
    try:
        return Columns(header.columns)
    except FileUnusable:
        return None


def _cells(record: Record, width: int, code_places: Collection[int]) -> list[str]:
    cells = (record.values + [""] * width)[:width]
    # A code that is written as a formula, so that Excel keeps its digits, would be one no more behind an apostrophe.
    return [guarded_code(unguarded_code(cell)) if place in code_places else cell for place, cell in enumerate(cells)]


def _reasons(problems: list[ImportProblem], record: Record) -> list[Any]:
    """What is wrong with these lines; of the product's others it says nothing but where they stood."""
    mine = [
        problem for problem in problems if record.start.line <= problem.line < max(record.end.line, record.line + 1)
    ]
    columns = ("; ".join(dict.fromkeys(getattr(one, name) for one in mine)) for name in ("column", "code"))
    return [record.line, *columns, " ".join(problem.detail for problem in mine)]


def _of_json_lines(file: IO[bytes], blocks: Blocks) -> Iterator[bytes]:
    yield _row([*ADDED, "Line"])
    for offset, _, line, problems in blocks:
        _, _, raw = next(lines_of(file, Place(offset, line)))
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        for problem in problems:
            yield _row([problem.line, problem.column, problem.code, problem.detail, text])


def _row(cells: list[Any]) -> bytes:
    buffer = io.StringIO()
    csv.writer(LineFeeds(buffer), lineterminator=LINE_END).writerow(
        [guarded(cell) if isinstance(cell, str) and not is_guarded(cell) else cell for cell in cells]
    )
    return buffer.getvalue().encode()
