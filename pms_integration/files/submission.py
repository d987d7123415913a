"""Taking a file in: looked at, stored, and then its import made. The API and the admin do it."""

from dataclasses import dataclass
from typing import IO, Any, cast

from django.core.exceptions import RequestDataTooBig

from inventory.models import Location
from pms_integration.exceptions import StockNotYours
from pms_integration.files import services
from pms_integration.files.limits import MAX_FILE_BYTES
from pms_integration.files.reading import fills_quantities, format_of
from pms_integration.models import ImportFormat, ImportJob


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """An uploaded file that is in the storage by now, and whether its sender may set stock."""

    name: str
    format: ImportFormat
    file_name: str
    size_bytes: int
    may_set_stock: bool


def take_file(*, upload: Any, format: str | None, may_set_stock: bool) -> StoredFile:  # noqa: A002 - the field's name
    """Looks at the uploaded file and stores it; not to be called in a transaction.

    Raises `StockNotYours` where the file has a column of quantities and the caller may not set stock: nothing is stored
    then. Raises `RequestDataTooBig`.
    """
    if upload.size > MAX_FILE_BYTES:
        raise RequestDataTooBig
    content = cast("IO[bytes]", upload.file)
    kind = ImportFormat(format) if format else format_of(content, upload.name)
    if not may_set_stock and fills_quantities(content, kind):
        raise StockNotYours("The file has quantities; setting stock needs the scope inventory:write.")
    return StoredFile(
        name=services.store_file(content=content, format=kind),
        format=kind,
        file_name=upload.name,
        size_bytes=upload.size,
        may_set_stock=may_set_stock,
    )


def start_import(*, file: StoredFile, location: Location | None, client: str) -> ImportJob:
    """Makes the import of a stored file, which begins by itself; `client` is the caller's identity."""
    return services.create_import(
        stored=file.name,
        format=file.format,
        file_name=file.file_name,
        size_bytes=file.size_bytes,
        location=location,
        sets_stock=file.may_set_stock,
        client=client,
    )
