"""What a file says of one product, before anybody has looked at the database."""

from dataclasses import dataclass, field
from typing import Any

from pms_integration.files.columns import Columns
from pms_integration.files.problems import Problem
from pms_integration.files.records import Place


@dataclass(slots=True)
class ImageDraft:
    """A picture by its URL; what is None stays as it is."""

    line: int
    url: str
    alt: str | None = None
    position: int | None = None


@dataclass(slots=True)
class VariantDraft:
    """A variant: `values` as a service takes them; without a SKU it is known by its options' values."""

    line: int
    sku: str = ""
    option_values: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    quantity: int | None = None


@dataclass(slots=True)
class Draft:
    """The lines of one product. With problems it is not written.

    `values` are the product's own, as a service takes them. `option_names` are those that the file names; `category` is
    a path of names or a slug, `product_type` Shopify's free text, each None where the file does not speak of it.
    `columns` are those of a CSV file. `option_columns` says how many options the file can name. A draft that
    `is_found_by_sku` means the product that has one of its SKUs, else that of its handle.
    `is_whole` says that it is in the API's own shape, with nothing left to be found out but which product is meant.
    """

    start: Place
    end: Place
    line_count: int
    handle: str = ""
    is_whole: bool = False
    is_found_by_sku: bool = False
    columns: Columns | None = None
    option_columns: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    category: str | None = None
    product_type: str | None = None
    option_names: list[str] = field(default_factory=list)
    variants: list[VariantDraft] = field(default_factory=list)
    images: list[ImageDraft] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    @property
    def line(self) -> int:
        """The first."""
        return self.start.line

    def name_of(self, column: str) -> str:
        """What the file calls a column of ours."""
        return column if self.columns is None else self.columns.name_of(column)

    def refuse(self, line: int, column: str, code: str, detail: str) -> None:
        """Notes why it cannot be written."""
        self.problems.append(Problem(line, self.name_of(column), code, detail))

    def warn(self, line: int, column: str, code: str, detail: str) -> None:
        """Notes what is written otherwise than the file says."""
        self.warnings.append(Problem(line, self.name_of(column), code, detail))
