"""The headers of a request, without a copy of all of them."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.http.request import HttpHeaders

_WITHOUT_PREFIX: Final = ("CONTENT_TYPE", "CONTENT_LENGTH")


class RequestHeaders(Mapping[str, str]):
    """As Django's `request.headers`, which parses the name of each header before the first is found."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        value: str = self._environ[_variable_of(name)]
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _variable_of(name) in self._environ

    def get(self, name: str, default: Any = None) -> Any:
        """The header, or the default."""
        return self._environ.get(_variable_of(name), default)

    def __iter__(self) -> Iterator[str]:
        return iter(HttpHeaders(self._environ))

    def __len__(self) -> int:
        return len(HttpHeaders(self._environ))


# The names are those that the code asks for.
@functools.lru_cache(maxsize=256)
def _variable_of(name: str) -> str:
    variable = name.upper().replace("-", "_")
    return variable if variable in _WITHOUT_PREFIX else f"HTTP_{variable}"
