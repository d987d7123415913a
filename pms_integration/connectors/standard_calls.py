"""The calls to a PMS of the kind `standard` (docs/pms-contract.md, *What we call*)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Literal
from urllib.parse import quote

from pms_integration.connectors import standard_answers as answers
from pms_integration.connectors.contract import AnswerTooLarge, ConnectorError, DeletionReport, Report, VersionMoved
from pms_integration.connectors.outgoing import (
    ExternalLocation,
    Page,
    PMSClient,
    ProductPush,
    StockPush,
    StockPushResult,
)

PRODUCTS_A_PAGE: Final = 200
# Products may have long descriptions and many variants: a page that is too large is asked for again with so many.
FEWER_PRODUCTS: Final = (20, 1)
FIGURES_A_PAGE: Final = 200
MAX_ADJUSTMENTS: Final = 250
MAX_SKUS: Final = 50
# Of the SKUs in a URL, percent-encoded.
MAX_QUERY_LENGTH: Final = 6_000
# Of the figures of 50 SKUs; so many locations that this is not enough do not exist.
MAX_PAGES: Final = 100
_PATH_SEGMENTS_WITH_A_MEANING: Final = (".", "..")


class StandardCalls:
    """The half of the `standard` connector that asks the PMS and writes to it."""

    credential_names: Sequence[str] = ("token",)
    max_pushes: int = MAX_ADJUSTMENTS

    def authorization(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """The token, if there is one."""
        return {"Authorization": f"Bearer {credentials['token']}"} if "token" in credentials else {}

    def check(self, client: PMSClient) -> str:
        """`GET /`."""
        return answers.name_of(client.send("GET", "/").json)

    def pull_products(self, client: PMSClient, since: datetime | None, cursor: str | None) -> Page:
        """`GET /products`."""
        for limit in (PRODUCTS_A_PAGE, *FEWER_PRODUCTS[:-1]):
            with suppress(AnswerTooLarge):
                return _page(client, "products", since, cursor, limit)
        return _page(client, "products", since, cursor, FEWER_PRODUCTS[-1])

    def pull_stock(self, client: PMSClient, since: datetime | None, cursor: str | None) -> Page:
        """`GET /stock`."""
        return _page(client, "stock", since, cursor, FIGURES_A_PAGE)

    def get_product(self, client: PMSClient, external_id: str) -> Report:
        """`GET /products/{id}`; 404 is a deletion, whose version the PMS does not tell."""
        try:
            answer = client.send("GET", _product_path(external_id))
        except ConnectorError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return DeletionReport(external_id=external_id, payload={})
        return answers.product_with_id(answer.json, external_id)

    def get_stock(self, client: PMSClient, names: Sequence[str]) -> Sequence[Report]:
        """`GET /stock?sku=A&sku=B`, in several calls where there are many SKUs."""
        return [report for skus in _in_queries(names) for report in _stock_of(client, skus)]

    def list_locations(self, client: PMSClient) -> Sequence[ExternalLocation] | None:
        """`GET /locations`; 404 where the PMS has no such list."""
        try:
            answer = client.send("GET", "/locations")
        except ConnectorError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        return [answers.location_of(row) for row in answers.rows_of(answer.json, "locations")]

    def push_product(self, client: PMSClient, push: ProductPush) -> Report:
        """`POST /products` for a new product, else `PUT /products/{id}` with `If-Match`."""
        headers = {"Idempotency-Key": push.idempotency_key}
        if push.external_id is None:
            answer = client.send("POST", "/products", body=push.payload, headers=headers, is_repeatable=True)
            return answers.product_report(answer.json)
        if push.version is not None:
            headers["If-Match"] = f'"{push.version}"'
        path = _product_path(push.external_id)
        try:
            answer = client.send("PUT", path, body=push.payload, headers=headers, is_repeatable=True)
        except ConnectorError as error:
            if error.status != HTTPStatus.PRECONDITION_FAILED:
                raise
            raise VersionMoved(str(error), permanent=True, status=error.status) from None
        return answers.product_with_id(answer.json, push.external_id)

    def push_stock(self, client: PMSClient, pushes: Sequence[StockPush]) -> Sequence[StockPushResult]:
        """`POST /stock/adjustments`: each has its key, so that the call may be repeated."""
        results: list[StockPushResult] = []
        for first in range(0, len(pushes), MAX_ADJUSTMENTS):
            part = pushes[first : first + MAX_ADJUSTMENTS]
            body = {"adjustments": [_adjustment(push) for push in part]}
            answer = client.send("POST", "/stock/adjustments", body=body, is_repeatable=True)
            results += answers.results_of(answer.json, part)
        return results

    def ensure_webhooks(self, client: PMSClient, url: str, secret: str) -> Literal["ok", "missing", "unsupported"]:
        """The contract has no call for it: the PMS's own settings name our URL."""
        return "unsupported"


def _page(client: PMSClient, name: str, since: datetime | None, cursor: str | None, limit: int) -> Page:
    query = [("updated_since", since.isoformat())] if since is not None else []
    query += [("cursor", cursor)] if cursor is not None else []
    answer = client.send("GET", f"/{name}", query=[*query, ("limit", str(limit))])
    return answers.page_of(answer, name, cursor)


def _product_path(external_id: str) -> str:
    if external_id in _PATH_SEGMENTS_WITH_A_MEANING:
        raise ConnectorError(f"The PMS cannot be asked for the product {external_id}.", permanent=True)
    return f"/products/{quote(external_id, safe='')}"


def _in_queries(skus: Sequence[str]) -> Iterator[list[tuple[str, str]]]:
    """The SKUs in parts that fit into a URL, as query parameters."""
    part: list[tuple[str, str]] = []
    length = 0
    for sku in skus:
        size = len(quote(sku, safe="")) + len("sku=&")
        if part and (len(part) == MAX_SKUS or length + size > MAX_QUERY_LENGTH):
            yield part
            part, length = [], 0
        part.append(("sku", sku))
        length += size
    if part:
        yield part


def _stock_of(client: PMSClient, skus: list[tuple[str, str]]) -> Iterator[Report]:
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = [("cursor", cursor)] if cursor is not None else []
        answer = client.send("GET", "/stock", query=[*skus, *page])
        yield from map(answers.figure_report, answers.rows_of(answer.json, "stock"))
        # Nothing depends on a whole list here: a figure that is missing is unknown.
        cursor = answers.next_cursor({"next": None, **answer.json}, cursor)
        if cursor is None:
            return
    raise ConnectorError(f"The PMS's stock of {len(skus)} SKUs has more than {MAX_PAGES} pages.")


def _adjustment(push: StockPush) -> dict[str, Any]:
    return {
        "idempotency_key": push.idempotency_key,
        "sku": push.sku,
        "location": push.location,
        "delta": push.delta,
        "reason": push.reason,
        "reference": push.reference,
        "occurred_at": push.occurred_at.isoformat(),
    }
