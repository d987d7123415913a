"""What happens on the PMS's own side, outside of the contract: `/_simulator/…`, with the same token, without faults.

    GET    /_simulator/state              everything: products with tombstones, stock, movements, locations, clock
    GET    /_simulator/counters           {name: number}, without those that are 0: requests, faults.FAULT,
                                          refused.STATUS.CODE, products.repeated, adjustments.STATUS,
                                          webhooks.announced|lost|duplicated|late|reordered|delivered|refused, and
                                          webhooks.attempts.STATUS (or .nothing)
    GET    /_simulator/faults             the settings of faults.py
    POST   /_simulator/faults             {"faults": {"500": 0.1, "timeout_seconds": 2}, "only"?, "times"?, "seed"?}
                                          replaces all of them; "only" limits the faults of requests to those that begin
                                          so ("PUT /products/p-1"), "times" to so many; "seed" begins the random streams
                                          anew, so that what follows does not depend on what was before
    POST   /_simulator/clock              {"skew_seconds"}
    POST   /_simulator/products           a product → 201; with an "id" of the test's own, or without
    PATCH  /_simulator/products/{id}      members that replace those of the product; null removes one
    DELETE /_simulator/products/{id}      the tombstone
    POST   /_simulator/stock/sell         {"sku", "location", "quantity"} → the movement
    POST   /_simulator/stock/receive      the same
    POST   /_simulator/stock/count        {"sku", "location", "on_hand"}; it is announced as a figure
    POST   /_simulator/webhooks           {"url"?, "secret"?, "is_paused"?}: where they go, nowhere by an empty URL;
                                          those that are paused wait
    GET    /_simulator/webhooks           those that wait or are held, in their order, and those lost or refused
    POST   /_simulator/webhooks/deliver   {"ids"}: sends these now, in this order, whatever was to become of them

The parameter `?figure=1` announces a sale or a receipt as the figure after it, `?silent=1` announces nothing.
"""

import json
from typing import Final

from pms_integration.simulator import catalogue, ledger, members
from pms_integration.simulator.clock import MAX_SKEW_SECONDS, format_moment
from pms_integration.simulator.exchange import Answer, Refusal, Request, Routes
from pms_integration.simulator.faults import FaultSettings
from pms_integration.simulator.ledger import Change
from pms_integration.simulator.product_rules import require_product
from pms_integration.simulator.simulation import Simulation
from pms_integration.simulator.webhook_sender import deliver, subscribe

PREFIX: Final = "_simulator"


def _show_state(simulation: Simulation, request: Request) -> Answer:
    with simulation.transaction() as work:
        products = work.db.execute("SELECT * FROM product ORDER BY id")
        state = {
            "products": [catalogue.shown_product(row) for row in products],
            "stock": [dict(row) for row in work.db.execute("SELECT * FROM level ORDER BY sku, location")],
            "movements": [dict(row) for row in work.db.execute("SELECT * FROM movement ORDER BY id")],
            "locations": ledger.list_locations(work),
        }
    clock = {"now": format_moment(simulation.clock.now()), "skew_seconds": simulation.clock.skew_seconds}
    return Answer(200, {**state, "clock": clock})


def _show_counters(simulation: Simulation, request: Request) -> Answer:
    with simulation.transaction() as work:
        return Answer(200, dict(work.db.execute("SELECT name, value FROM counter ORDER BY name").fetchall()))


def _show_faults(simulation: Simulation, request: Request) -> Answer:
    settings = simulation.faults.settings
    return Answer(200, {"faults": dict(settings.values), "only": settings.only, "times": settings.times})


def _set_faults(simulation: Simulation, request: Request) -> Answer:
    given = request.json_object()
    faults, times, seed = given.get("faults"), given.get("times"), given.get("seed")
    if not isinstance(faults, dict):
        raise Refusal(422, "invalid", "faults must be an object.")
    values = {name: members.number(faults, name, low=0) for name in faults}
    limit = None if times is None else members.quantity(given, "times", low=0)
    try:
        settings = FaultSettings(values, members.text(given, "only"), limit)
    except ValueError as error:
        raise Refusal(422, "invalid", str(error)) from None
    simulation.faults.configure(settings, None if seed is None else str(seed))
    simulation.outbox.changed.set()
    return _show_faults(simulation, request)


def _set_clock(simulation: Simulation, request: Request) -> Answer:
    skew = members.number(request.json_object(), "skew_seconds", low=-MAX_SKEW_SECONDS)
    simulation.clock.skew_seconds = skew
    return Answer(200, {"skew_seconds": skew})


def _create_product(simulation: Simulation, request: Request) -> Answer:
    given = request.json_object()
    product_id = members.code(given, "id") if given.get("id") is not None else ""
    with simulation.transaction(is_silent=_has(request, "silent")) as work:
        return Answer(201, catalogue.create_product(work, require_product(given), product_id))


def _edit_product(simulation: Simulation, request: Request, product_id: str) -> Answer:
    given = request.json_object()
    with simulation.transaction(is_silent=_has(request, "silent")) as work:
        known = catalogue.find_product(work, product_id)
        edited = {**json.loads(known["body"]), **given}
        product = {name: value for name, value in edited.items() if value is not None}
        return Answer(200, catalogue.replace_product(work, known, require_product(product)))


def _delete_product(simulation: Simulation, request: Request, product_id: str) -> Answer:
    with simulation.transaction(is_silent=_has(request, "silent")) as work:
        return Answer(200, catalogue.delete_product(work, catalogue.find_product(work, product_id)))


def _sell(simulation: Simulation, request: Request) -> Answer:
    return _move(simulation, request, sign=-1, reason="sale")


def _receive(simulation: Simulation, request: Request) -> Answer:
    return _move(simulation, request, sign=1, reason="receipt")


def _move(simulation: Simulation, request: Request, *, sign: int, reason: str) -> Answer:
    given = request.json_object()
    sku, location = members.code(given, "sku"), members.code(given, "location")
    delta = sign * members.quantity(given, "quantity", low=1)
    change = Change(sku=sku, location=location, delta=delta, reason=reason)
    with simulation.transaction(is_silent=_has(request, "silent")) as work:
        return Answer(200, dict(ledger.move(work, change, as_figure=_has(request, "figure"))))


def _count(simulation: Simulation, request: Request) -> Answer:
    given = request.json_object()
    sku, location = members.code(given, "sku"), members.code(given, "location")
    on_hand = members.quantity(given, "on_hand")
    with simulation.transaction(is_silent=_has(request, "silent")) as work:
        return Answer(200, dict(ledger.count_stock(work, sku, location, on_hand)))


def _set_webhooks(simulation: Simulation, request: Request) -> Answer:
    given, outbox = request.json_object(), simulation.outbox
    is_paused = given.get("is_paused", outbox.is_paused)
    if not isinstance(is_paused, bool):
        raise Refusal(422, "invalid", "is_paused must be true or false.")
    if "url" in given:
        try:
            subscribe(outbox, members.text(given, "url"), members.text(given, "secret"))
        except ValueError as error:
            raise Refusal(422, "invalid", str(error)) from None
    outbox.is_paused = is_paused
    outbox.changed.set()
    return Answer(200, {"url": outbox.url, "is_paused": outbox.is_paused})


def _list_webhooks(simulation: Simulation, request: Request) -> Answer:
    with simulation.transaction() as work:
        return Answer(200, {"webhooks": simulation.outbox.list_waiting(work.db)})


def _deliver_webhooks(simulation: Simulation, request: Request) -> Answer:
    ids = request.json_object().get("ids")
    if not isinstance(ids, list) or not simulation.outbox.url:
        raise Refusal(422, "invalid", "ids must be a list, and somebody must be subscribed.")
    return Answer(200, {"statuses": [_deliver(simulation, members.code({"id": one}, "id")) for one in ids]})


def _deliver(simulation: Simulation, webhook_id: str) -> int | None:
    with simulation.transaction() as work:
        webhook = simulation.outbox.find(work.db, webhook_id)
    if webhook is None:
        raise Refusal(404, "not_found", f"There is no webhook {webhook_id}.")
    return deliver(simulation, webhook)


def _has(request: Request, name: str) -> bool:
    return request.parameter(name) is not None


ROUTES: Final[Routes] = {
    (PREFIX, "state"): {"GET": _show_state},
    (PREFIX, "counters"): {"GET": _show_counters},
    (PREFIX, "faults"): {"GET": _show_faults, "POST": _set_faults},
    (PREFIX, "clock"): {"POST": _set_clock},
    (PREFIX, "products"): {"POST": _create_product},
    (PREFIX, "products", "*"): {"PATCH": _edit_product, "DELETE": _delete_product},
    (PREFIX, "stock", "sell"): {"POST": _sell},
    (PREFIX, "stock", "receive"): {"POST": _receive},
    (PREFIX, "stock", "count"): {"POST": _count},
    (PREFIX, "webhooks"): {"GET": _list_webhooks, "POST": _set_webhooks},
    (PREFIX, "webhooks", "deliver"): {"POST": _deliver_webhooks},
}
