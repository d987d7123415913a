"""Storage of files on this machine, below `MEDIA_ROOT`."""

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import FileSystemStorage


class LocalStorage(FileSystemStorage):
    """Django's storage, with files that appear only when they are complete."""

    def _save(self, name: str, content: Any) -> str:
        # A process that dies while it writes leaves a file that no row names; the sweep removes it.
        part = f"{name}.{uuid.uuid4().hex}.part"
        try:
            super()._save(part, content)  # type: ignore[misc]  # not public, but meant to be overridden
            Path(self.path(part)).replace(self.path(name))
        except OSError:
            # On a full disk a partial file would occupy the space that the next write needs.
            with suppress(OSError):
                Path(self.path(part)).unlink(missing_ok=True)
            raise
        return name

    def names_before(self, folder: str, moment: datetime) -> Iterator[str]:
        """The files in `folder`, at any depth, that were last written before `moment`."""
        for directory, _, files in os.walk(self.path(folder)):
            for file in files:
                path = Path(directory, file)
                if datetime.fromtimestamp(path.stat().st_mtime, UTC) < moment:
                    yield path.relative_to(self.base_location).as_posix()


class PrivateLocalStorage(LocalStorage):
    """The same beside `MEDIA_ROOT`, so that no server of that folder exposes it."""

    @property
    def base_location(self) -> str:
        """The folder."""
        return str(Path(settings.MEDIA_ROOT).with_name("private"))

    @property
    def location(self) -> str:
        """The same, absolute."""
        return str(Path(self.base_location).absolute())

    def url(self, name: str | None) -> str:
        """Raises `ValueError`, since private files have no URL."""
        raise ValueError(f"{name} is private.")
