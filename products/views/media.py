"""`/media/`: pictures stored on this machine. In production a bucket or the proxy serves them."""

from typing import Final

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from products.images.names import CONTENT_TYPES

HEADERS: Final = {
    # Other content has another name.
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    # The pages of a shop have another origin.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


@require_safe
def serve_file(request: HttpRequest, name: str) -> FileResponse:
    """A picture by the name in its URL; the pattern of the URL allows only names of pictures."""
    if settings.STORAGE_BUCKET:
        raise Http404("The files are in the bucket.")
    try:
        file = default_storage.open(name)
    except FileNotFoundError:
        raise Http404("There is no such file.") from None
    return FileResponse(file, content_type=CONTENT_TYPES[name.rpartition(".")[2]], headers=HEADERS)
