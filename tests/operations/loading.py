"""Runs `load_sample_data`, and counts the rows that it made."""

import io
import json
from typing import Any

from django.core.management import call_command

from inventory.models import Location, StockLevel, StockMovement
from pms_backend.events.models import Event
from pms_integration.models import PMSConnection
from products.models import Category, Product, Variant

OF_THE_FIRST_RUN = (Product, Variant, Category, Location, StockLevel, StockMovement, PMSConnection, Event)


def run() -> dict[str, Any]:
    """Runs the command; returns its last line."""
    out = io.StringIO()
    call_command("load_sample_data", stdout=out)
    credentials: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return credentials


def rows() -> dict[str, int]:
    """Counts the rows of every table that a first run fills."""
    return {table.__name__: table._default_manager.count() for table in OF_THE_FIRST_RUN}
