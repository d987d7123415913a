"""Where the files of imports lie: nobody reads them by a URL."""

from django.core.files.storage import Storage, storages


def private_files() -> Storage:
    """The storage of what is not shown to anybody."""
    return storages["private"]
