"""A level has the same fields everywhere: they are defined once."""

import pytest

from inventory import services
from inventory.level_fields import LEVEL_FIELDS, WRITTEN_COLUMNS
from inventory.messages import Selection, Subscribe
from inventory.models import StockLevel
from inventory.representation import level_as_dict
from inventory.serializers.stock import LevelSerializer
from inventory.snapshots import read_snapshot
from pms_backend.api.renderers import to_json
from pms_backend.events.models import Event
from tests.factories import make_location, make_product


def test_the_serializer_documents_the_fields_that_are_shown() -> None:
    assert tuple(LevelSerializer().fields) == LEVEL_FIELDS


def test_the_columns_that_services_write_are_columns_of_the_model() -> None:
    assert set(WRITTEN_COLUMNS) < {field.attname for field in StockLevel._meta.fields}


@pytest.mark.django_db
def test_the_api_the_event_and_the_snapshot_show_the_same_level() -> None:
    make_product("A-1")
    make_location("main")

    change = services.adjust_stock(sku="A-1", location="main", delta=7, reason="receipt")

    level = StockLevel.objects.select_related("variant", "location").get()
    assert set(change.level) == set(LEVEL_FIELDS)
    assert change.level == Event.objects.get(type="stock.changed").data["level"]
    assert to_json([level_as_dict(level)]) == read_snapshot(Subscribe(Selection(), after=None)).levels
    assert level_as_dict(level) | {"updated_at": None} == change.level | {"updated_at": None}
