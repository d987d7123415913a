"""Taking a file in: looked at, stored, and then its import made. The API and the admin do it."""

from typing import IO, Any, cast

from django.core.exceptions import RequestDataTooBig

from inventory.models import Location
from pms_integration.exceptions import StockNotYours
from pms_integration.files import services
from pms_integration.files.limits import MAX_FILE_BYTES
from pms_integration.files.reading import fills_quantities, format_of
from pms_integration.models import ImportFormat, ImportJob


def start_import(*, upload: Any, format: str | None, location: Location | None, may_set_stock: bool) -> ImportJob:  # noqa: A002
    """Stores the uploaded file and makes its import, which begins by itself.

    Raises `StockNotYours` where the file has a column of quantities and the caller may not set stock: nothing is stored
    then.
    """
    if upload.size > MAX_FILE_BYTES:
        raise RequestDataTooBig
    content = cast("IO[bytes]", upload.file)
    kind = ImportFormat(format) if format else format_of(content, upload.name)
    if not may_set_stock and fills_quantities(content, kind):
        raise StockNotYours("The file has quantities; setting stock needs the scope inventory:write.")
    return services.create_import(
        stored=services.store_file(content=content, format=kind),
        format=kind,
        file_name=upload.name,
        size_bytes=upload.size,
        location=location,
        sets_stock=may_set_stock,
    )
