"""The PMS connection to begin with."""

from collections.abc import Mapping
from typing import Final

from inventory.models import Location
from pms_backend.operations.sample_data.stock import MAIN
from pms_integration import services as pms
from pms_integration.models import ConnectorKind, PMSConnection

SLUG: Final = "demo"


def demo_connection() -> PMSConnection:
    """The connection `demo`, made where it is missing. It owns no stock before it is given some."""
    known = PMSConnection.objects.filter(slug=SLUG).first()
    return known or pms.create_connection(slug=SLUG, name="Demo PMS", kind=ConnectorKind.STANDARD)


def map_locations(connection: PMSConnection, locations: Mapping[str, Location]) -> None:
    """Says which locations the PMS knows, and that its figures are the truth at the main one."""
    for code, location in locations.items():
        pms.map_location(connection=connection, location=location, external_name=code, owns_stock=code == MAIN)
