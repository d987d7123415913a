"""The storage of the files of imports, which have no URL."""

from collections.abc import Sequence
from typing import Any

from django.core.files.storage import Storage, storages
from django.db import models


def private_files() -> Storage:
    """The storage for private files. Migrations refer to this function by its path."""
    return storages["private"]


class PrivateFileField(models.FileField):
    """A file in the private storage."""

    def __init__(self, **options: Any) -> None:
        """Takes what Django's field takes by name, except `storage`."""
        super().__init__(storage=private_files, **options)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """A migration describes the column, which holds a name, and imports no code of ours."""
        name, _, arguments, options = super().deconstruct()
        del options["storage"]
        return name, "django.db.models.FileField", arguments, options
