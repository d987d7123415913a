"""Files on this machine, below `MEDIA_ROOT`."""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage


class LocalStorage(FileSystemStorage):
    """Django's, with files that are there whole or not at all."""

    def _save(self, name: str, content: Any) -> str:
        # Whoever dies while writing leaves a file that nobody names; the sweep finds it.
        written = super()._save(  # type: ignore[misc]  # not public, but meant to be overridden
            f"{name}.{uuid.uuid4().hex}.part", content
        )
        Path(self.path(written)).replace(self.path(name))
        return name

    def names_before(self, folder: str, moment: datetime) -> Iterator[str]:
        """The files in `folder`, at any depth, that were last written before `moment`."""
        for directory, _, files in os.walk(self.path(folder)):
            for file in files:
                path = Path(directory, file)
                if datetime.fromtimestamp(path.stat().st_mtime, UTC) < moment:
                    yield path.relative_to(self.base_location).as_posix()
