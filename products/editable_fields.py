"""The fields of a model that people and programs set; the others are derived, or are set when a row is made."""

from collections.abc import Container

from django.db.models import Model


def editable_fields(model: type[Model], *, apart_from: Container[str]) -> tuple[str, ...]:
    """The names of the model's editable columns, without the primary key."""
    fields = (field for field in model._meta.concrete_fields if field.editable and not field.primary_key)
    return tuple(field.name for field in fields if field.name not in apart_from)
