"""The layers to which errors are counted."""

from enum import StrEnum
from types import TracebackType
from typing import Final

PACKAGES: Final = frozenset({"pms_backend", "products", "inventory", "pms_integration", "webhooks"})


class Layer(StrEnum):
    """Where an error comes from."""

    # Routing, limits, authentication, throttling, the shape of the input.
    ROUTE = "route"
    # A business rule, and background work.
    SERVICE = "service"
    # A rule of the database or of a model, and the database itself.
    MODEL = "model"
    # A call to another system.
    INTEGRATION = "integration"


# By the parts of a module's name; the first that fits.
_PARTS: Final = {
    Layer.INTEGRATION: frozenset({"outbound", "connectors", "pms_client", "posters"}),
    Layer.MODEL: frozenset({"models", "queries", "fields"}),
    Layer.SERVICE: frozenset({"services", "tasks", "receivers", "runner"}),
}


def layer_of_traceback(traceback: TracebackType | None) -> Layer:
    """The layer of the innermost frame that runs code of ours."""
    parts = frozenset(module_of_traceback(traceback).split("."))
    return next((layer for layer, names in _PARTS.items() if not names.isdisjoint(parts)), Layer.ROUTE)


def module_of_traceback(traceback: TracebackType | None) -> str:
    """The module of the innermost frame that runs code of ours; empty if none does."""
    module = ""
    while traceback is not None:
        name = traceback.tb_frame.f_globals.get("__name__", "")
        if name.partition(".")[0] in PACKAGES:
            module = name
        traceback = traceback.tb_next
    return module
