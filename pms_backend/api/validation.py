"""Checking what a request sends."""

from typing import Any

from pms_backend.api import serializers


def validated(serializer_class: type[serializers.BaseSerializer[Any]], data: Any) -> dict[str, Any]:
    """The data as this serializer reads it. Raises DRF's `ValidationError`."""
    serializer = serializer_class(data=data)
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values
