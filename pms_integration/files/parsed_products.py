"""The products of a file as they are parsed, before they are compared with the catalogue."""

from dataclasses import dataclass, field
from typing import Any

from pms_backend import outbound
from pms_backend.api.spreadsheets import is_rounded_by_excel
from pms_integration.files import limits
from pms_integration.files.columns import Columns
from pms_integration.files.records import FilePosition, Problem, Record
from products.barcodes import check_barcode
from products.exceptions import InvalidBarcode


@dataclass(slots=True)
class Block:
    """The records of one product in a CSV file, up to the limits; `count` and `size` (in bytes) are those of all.

    `end` is where reading goes on. A block that `has_only_variants` has no line of the product itself.
    """

    handle: str
    records: list[Record]
    end: FilePosition
    count: int = 0
    size: int = 0
    has_only_variants: bool = False

    @property
    def is_too_large(self) -> bool:
        """Whether some of its records are left out."""
        return self.count > limits.MAX_LINES_PER_PRODUCT or self.size > limits.MAX_PRODUCT_BYTES

    def add(self, record: Record) -> None:
        """Counts a record, and keeps it if the block is not too large."""
        self.count += 1
        self.size += record.end.offset - record.start.offset
        if not self.is_too_large:
            self.records.append(record)


@dataclass(slots=True)
class ParsedImage:
    """A picture by its URL; a value that is None is not changed."""

    line: int
    url: str
    alt: str | None = None
    position: int | None = None


@dataclass(slots=True)
class ParsedVariant:
    """A variant; `values` are the arguments of a service. Without a SKU it is identified by its option values."""

    line: int
    sku: str = ""
    option_values: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    quantity: int | None = None


@dataclass(slots=True)
class ParsedProduct:
    """The content of a product's lines, which have `size` bytes. It is not written if it has problems.

    `values` are the arguments of a service. `option_names` are those in the file, `option_columns` is how many options
    its columns can hold. `category` is a path of names or a slug, `product_type` Shopify's free text; each is None if
    the file does not have it. `columns` are those of a CSV file.
    With `is_found_by_sku` it is the product that has one of its SKUs, else the product with its handle.
    With `is_whole` it has the shape of the API, so that only the existing product remains to be found.
    """

    start: FilePosition
    end: FilePosition
    line_count: int
    size: int
    handle: str = ""
    is_whole: bool = False
    is_found_by_sku: bool = False
    columns: Columns | None = None
    option_columns: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    category: str | None = None
    product_type: str | None = None
    option_names: list[str] = field(default_factory=list)
    variants: list[ParsedVariant] = field(default_factory=list)
    images: list[ParsedImage] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    @property
    def line(self) -> int:
        """The number of its first line."""
        return self.start.line

    def refuse(self, line: int, column: str, code: str, detail: str) -> None:
        """Adds a problem, so that the product is not written."""
        self.problems.append(self._problem(line, column, code, detail))

    def warn(self, line: int, column: str, code: str, detail: str) -> None:
        """Adds a warning: the product is written, but not as the file says."""
        self.warnings.append(self._problem(line, column, code, detail))

    def warn_of_changed_handle(self, column: str, handle: str) -> None:
        """Warns that the handle is stored in another form."""
        detail = f"The handle is kept as {handle}: in lower case, with hyphens for spaces and other signs."
        self.warn(self.line, column, "handle_changed", detail)

    def warn_of_codes(self, line: int, sku_column: str, sku: str, barcode_column: str, barcode: str) -> None:
        """Warns of numbers that a spreadsheet has rounded, and of a wrong check digit."""
        for name, code in (("SKU", sku), ("barcode", barcode)):
            if is_rounded_by_excel(code):
                detail = f"The {name} {code} looks like a number that Excel has rounded; format that column as text."
                self.warn(line, sku_column, "rounded_by_excel", detail)
        try:
            check_barcode(barcode)
        except InvalidBarcode as error:
            self.warn(line, barcode_column, error.code, error.detail)

    def set_quantity(self, variant: ParsedVariant, column: str, quantity: int | None) -> None:
        """Sets the quantity of a variant; one below zero is left out with a warning."""
        if quantity is not None and quantity < 0:
            detail = f"{quantity} is no figure that anybody can count; the stock stays as it is."
            self.warn(variant.line, column, "negative_quantity", detail)
        else:
            variant.quantity = quantity

    def add_image(self, image: ParsedImage, column: str) -> bool:
        """Adds a picture and returns True; one with a URL that cannot be fetched is left out with a warning."""
        try:
            outbound.parse_target(image.url)
        except outbound.Forbidden as error:
            self.warn(image.line, column, "invalid_image_url", str(error))
            return False
        self.images.append(image)
        return True

    def _problem(self, line: int, column: str, code: str, detail: str) -> Problem:
        return Problem(line, column if self.columns is None else self.columns.name_of(column), code, detail)
