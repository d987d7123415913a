"""Examples of requests and answers for the OpenAPI document, by operation id."""

from typing import Any, Final

_LEVEL: Final[dict[str, Any]] = {
    "sku": "MUG-BLUE",
    "location": "main",
    "on_hand": 30,
    "reserved": 2,
    "incoming": 0,
    "available": 28,
    "version": 5,
    "reorder_point": 10,
    "backorder_limit": 0,
    "is_oversold": False,
    "updated_at": "2026-01-31T12:00:00Z",
}
_MOVEMENT: Final[dict[str, Any]] = {
    "id": 812,
    "sku": "MUG-BLUE",
    "location": "main",
    "reason": "receipt",
    "delta": 10,
    "on_hand_after": 30,
    "note": "",
    "reference": "PO-1007",
    "actor": "client:shop",
    "request_id": "0b0c3f0e",
    "occurred_at": "2026-01-31T12:00:00Z",
    "created_at": "2026-01-31T12:00:00Z",
    "reverses": None,
    "reversed_by": None,
}
_RESERVATION: Final[dict[str, Any]] = {
    "id": 44,
    "reference": "ORDER-1002",
    "status": "active",
    "expires_at": "2026-01-31T12:15:00Z",
    "lines": [{"sku": "MUG-BLUE", "location": "main", "quantity": 2, "committed": 0}],
}

REQUESTS: Final[dict[str, Any]] = {
    "v1_inventory_locations_create": {"code": "north", "name": "North warehouse", "priority": 30},
    "v1_inventory_locations_partial_update": {"name": "Main warehouse, hall 2"},
    "v1_inventory_levels_partial_update": {"reorder_point": 10, "backorder_limit": 5},
    "v1_inventory_adjustments_create": {
        "sku": "MUG-BLUE",
        "location": "main",
        "delta": 10,
        "reason": "receipt",
        "reference": "PO-1007",
    },
    "v1_inventory_adjustments_bulk_create": {
        "adjustments": [
            {"sku": "MUG-BLUE", "location": "main", "delta": -2, "reason": "sale"},
            {"sku": "MUG-WHITE", "location": "main", "delta": 12, "reason": "receipt", "reference": "PO-1007"},
        ],
        "atomic": True,
    },
    "v1_inventory_counts_create": {
        "sku": "MUG-BLUE",
        "location": "main",
        "on_hand": 19,
        "expected_on_hand": 20,
        "note": "Shelf 4",
    },
    "v1_inventory_counts_bulk_create": {
        "counts": [
            {"sku": "MUG-BLUE", "location": "main", "on_hand": 19},
            {"sku": "MUG-WHITE", "location": "main", "on_hand": 8},
        ]
    },
    "v1_inventory_availability_create": {"skus": ["MUG-BLUE", "MUG-WHITE"], "locations": ["main"]},
    "v1_inventory_movements_reverse_create": {"note": "Counted twice"},
    "v1_inventory_reservations_create": {
        "reference": "ORDER-1002",
        "lines": [{"sku": "MUG-BLUE", "quantity": 2}],
        "expires_in": 900,
    },
    "v1_inventory_reservations_commit_create": {"lines": [{"sku": "MUG-BLUE", "quantity": 1}]},
    "v1_inventory_reservations_extend_create": {"expires_in": 1800},
    "v1_inventory_transfers_create": {
        "from": "main",
        "to": "east",
        "lines": [{"sku": "MUG-BLUE", "quantity": 4}],
        "reference": "T-8",
    },
    "v1_inventory_transfers_partial_update": {"lines": [{"sku": "MUG-BLUE", "quantity": 3}]},
    "v1_inventory_transfers_receive_create": {"lines": [{"sku": "MUG-BLUE", "quantity": 3}], "shortage": "damage"},
    "v1_inventory_stocktakes_create": {"location": "main", "skus": ["MUG-BLUE", "MUG-WHITE"], "note": "Shelf 4"},
    "v1_inventory_stocktakes_partial_update": {"lines": [{"sku": "MUG-BLUE", "counted": 19}]},
}

RESPONSES: Final[dict[str, Any]] = {
    "v1_inventory_levels_list": _LEVEL,
    "v1_inventory_levels_partial_update": _LEVEL,
    "v1_inventory_adjustments_create": {"movement": _MOVEMENT, "level": _LEVEL},
    "v1_inventory_adjustments_bulk_create": {
        "results": [
            {"index": 0, "status": "applied", "sku": "MUG-BLUE", "errors": []},
            {
                "index": 1,
                "status": "rejected",
                "sku": "MUG-WHITE",
                "errors": [{"pointer": "/sku", "code": "sku_not_found", "detail": "There is no SKU MUG-WHITE."}],
            },
        ],
        "summary": {"applied": 1, "rejected": 1},
    },
    "v1_inventory_counts_create": {
        "movement": {**_MOVEMENT, "reason": "count", "delta": -1, "reference": "", "note": "Shelf 4"},
        "level": _LEVEL,
    },
    "v1_inventory_availability_create": {
        "results": [{"sku": "MUG-BLUE", "available": 28, "locations": {"main": 28}}],
        "unknown": ["MUG-WHITE"],
    },
    "v1_inventory_movements_list": _MOVEMENT,
    "v1_inventory_reservations_create": _RESERVATION,
    "v1_inventory_reservations_retrieve": _RESERVATION,
}
