"""The endpoints of the contract: docs/pms-openapi.yaml describes them."""

import re
from typing import Any, Final

from pms_integration.simulator import catalogue, ledger, members
from pms_integration.simulator.exchange import Answer, Refusal, Request, Routes
from pms_integration.simulator.ledger import Change
from pms_integration.simulator.paging import PAGE_PARAMETERS, parse_page
from pms_integration.simulator.product_rules import require_product
from pms_integration.simulator.simulation import Simulation

NAME: Final = "Simulated PMS"
MAX_SKUS: Final = 50
MAX_ADJUSTMENTS: Final = 250
_KEY: Final = re.compile(r"[\x20-\x7e]{1,255}")


def _check(simulation: Simulation, request: Request) -> Answer:
    return Answer(200, {"name": NAME})


def _list_products(simulation: Simulation, request: Request) -> Answer:
    page = parse_page(_with_known_parameters(request, *PAGE_PARAMETERS), key_length=1)
    with simulation.transaction() as work:
        products, cursor = catalogue.list_products(work, page)
    return Answer(200, {"products": products, "next": cursor})


def _get_product(simulation: Simulation, request: Request, product_id: str) -> Answer:
    with simulation.transaction() as work:
        return Answer(200, catalogue.shown_product(catalogue.find_product(work, product_id)))


def _create_product(simulation: Simulation, request: Request) -> Answer:
    key, line = _idempotency_key(request), "POST /products"
    given = require_product(request.json_object())
    with simulation.transaction() as work:
        if (product := catalogue.product_of_key(work, key, line)) is None:
            product = catalogue.create_product(work, given)
            catalogue.use_key(work, key, line, product["id"])
    return Answer(201, product)


def _replace_product(simulation: Simulation, request: Request, product_id: str) -> Answer:
    key, line = _idempotency_key(request), f"PUT /products/{product_id}"
    expected = request.headers.get("If-Match")
    if expected is None:
        raise Refusal(428, "if_match_missing", 'If-Match: "VERSION" is required.')
    given = require_product(request.json_object())
    with simulation.transaction() as work:
        if (product := catalogue.product_of_key(work, key, line)) is not None:
            return Answer(200, product)
        known = catalogue.find_product(work, product_id)
        if expected != f'"{known["version"]}"':
            detail = f"The product has version {known['version']}."
            raise Refusal(412, "version_conflict", detail, version=known["version"])
        product = catalogue.replace_product(work, known, given)
        catalogue.use_key(work, key, line, product_id)
    return Answer(200, product)


def _list_stock(simulation: Simulation, request: Request) -> Answer:
    skus = [value for name, value in request.query if name == "sku"]
    if len(skus) > MAX_SKUS or not all(map(members.is_code, skus)):
        raise Refusal(400, "invalid_query", f"sku must be a SKU, and {MAX_SKUS} of them at most.")
    page = parse_page(_with_known_parameters(request, *PAGE_PARAMETERS, "sku"), key_length=2)
    with simulation.transaction() as work:
        stock, cursor = ledger.list_stock(work, page, skus)
    return Answer(200, {"stock": stock, "next": cursor})


def _list_locations(simulation: Simulation, request: Request) -> Answer:
    with simulation.transaction() as work:
        return Answer(200, {"locations": ledger.list_locations(work)})


def _adjust_stock(simulation: Simulation, request: Request) -> Answer:
    given = request.json_object().get("adjustments")
    if not isinstance(given, list) or len(given) > MAX_ADJUSTMENTS:
        raise Refusal(422, "invalid", f"adjustments must be a list of at most {MAX_ADJUSTMENTS}.")
    adjustments = [_adjustment(one) for one in given]
    with simulation.transaction() as work:
        return Answer(200, {"results": [ledger.adjust(work, one) for one in adjustments]})


def _adjustment(given: Any) -> Change:
    if not isinstance(given, dict):
        raise Refusal(422, "invalid", "An adjustment is an object.")
    members.moment(given, "occurred_at")  # when it happened at the sender; here it happens now
    delta = members.quantity(given, "delta")
    if delta == 0:
        raise Refusal(422, "invalid", "delta must not be 0.")
    return Change(
        key=members.code(given, "idempotency_key"),
        sku=members.code(given, "sku"),
        location=members.code(given, "location"),
        delta=delta,
        reason=members.text(given, "reason"),
        reference=members.text(given, "reference"),
    )


def _with_known_parameters(request: Request, *names: str) -> Request:
    """The request. Refuses a parameter with another name: a filter that is ignored would list everything."""
    if unknown := {name for name, _ in request.query} - set(names):
        raise Refusal(400, "invalid_query", f"{', '.join(sorted(unknown))}: there is no such parameter.")
    return request


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not _KEY.fullmatch(key):
        raise Refusal(400, "idempotency_key_missing", "Idempotency-Key must have 1 to 255 printable characters.")
    return key


ROUTES: Final[Routes] = {
    (): {"GET": _check},
    ("products",): {"GET": _list_products, "POST": _create_product},
    ("products", "*"): {"GET": _get_product, "PUT": _replace_product},
    ("stock",): {"GET": _list_stock},
    ("stock", "adjustments"): {"POST": _adjust_stock},
    ("locations",): {"GET": _list_locations},
}
