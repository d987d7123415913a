"""A file of any length takes the same memory."""

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from pms_integration.files.reading import ImportFile, chunks_of, parts_of
from pms_integration.files.records import FilePosition
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.pms_integration.files.importing import EXPORT

FEW = 1_000


def write_csv(path: Path, count: int) -> Path:
    with path.open("w") as file:
        file.write("Handle,Title,Body (HTML),Variant Price,Image Src\n")
        file.writelines(
            f'lamp-{n},Lamp,"<p>A lamp\nfor desks</p>",x{n % 2},https://a.example/{n}.png\n' for n in range(count)
        )
    return path


def write_json_lines(path: Path, count: int) -> Path:
    with path.open("w") as file:
        file.writelines(f'{{"name": "Lamp", "variants": [{{"sku": "L-{n}", "price": "5"}}]}}\n' for n in range(count))
    return path


def peak_of(path: Path, format: str) -> tuple[int, int]:
    """(lines, the most bytes) of reading it as a worker does, chunk by chunk."""
    with path.open("rb") as file:
        source = ImportFile(file, format)
        tracemalloc.start()
        lines = source.count_lines(lambda: None)
        for chunk in chunks_of(source.products(FilePosition(0, 1))):
            lines += sum(product.line_count for product in chunk)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return lines, peak


@pytest.mark.parametrize(("format", "write"), [("csv", write_csv), ("jsonl", write_json_lines)])
@pytest.mark.parametrize("many", [3_000, pytest.param(8_000, marks=pytest.mark.slow)])
def test_the_memory_of_reading_does_not_grow_with_the_file(
    tmp_path: Path, format: str, write: Callable[[Path, int], Path], many: int
):
    peak_of(write(tmp_path / "warm", FEW), format)

    few_lines, few_peak = peak_of(write(tmp_path / "few", FEW), format)
    many_lines, many_peak = peak_of(write(tmp_path / "many", many), format)

    assert (few_lines, many_lines) == (2 * FEW, 2 * many)
    assert many_peak < few_peak * 1.2


def test_neither_a_chunk_nor_a_part_of_a_preview_gathers_more_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_json_lines(tmp_path / "few", 8)
    monkeypatch.setattr("pms_integration.files.reading.CHUNK_BYTES", 2 * len(path.read_bytes()) // 8)

    with path.open("rb") as file:
        products = ImportFile(file, "jsonl").products(FilePosition(0, 1))
        parts = [[len(chunk) for chunk in part] for part in parts_of(chunks_of(products))]

    # A chunk is full once it has more.
    assert parts == [[3], [3], [2]]


def test_all_lines_of_a_product_count_wherever_they_stand():
    header, *lines = (
        "Type,SKU,Name,Parent,Attribute 1 name,Attribute 1 value(s)\n", "variable,P,Lamp,,Size,\n",
        "simple,Q,Desk,,,\n", "variation,P-S,,P,Size,S\n", "variation,P-M,,P,Size,M\n",
    )  # fmt: skip
    file = ImportFile(io.BytesIO("".join((header, *lines)).encode()), "csv")

    lamp, desk = file.products(FilePosition(0, 1))

    assert (lamp.line_count, lamp.size) == (3, len(lines[0]) + len(lines[2]) + len(lines[3]))
    assert (desk.line_count, desk.size) == (1, len(lines[1]))
    assert [file.product_at(one.start) for one in (desk, lamp)] == [desk, lamp]


@pytest.mark.django_db
def test_an_export_is_a_stream(api: JSONClient):
    make_product("A-1")

    answer = api.get(EXPORT)

    assert answer.streaming
    assert answer["Content-Disposition"] == 'attachment; filename="products.csv"'
    assert "Content-Length" not in answer
