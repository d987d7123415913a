"""Reads what a PMS of the kind `standard` answers; whatever the contract does not allow is a `ConnectorError`.

A wrong value of a product or a quantity out of range is for `services/report_validation.py`, which refuses that report
alone. Here the shape is checked, without which a report cannot be made, or a page not be followed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pms_integration.connectors.contract import (
    ConnectorError,
    DeletionReport,
    FigureReport,
    ProductReport,
    Report,
    VariantReference,
)
from pms_integration.connectors.outgoing import Answer, ExternalLocation, Page, StockPush, StockPushResult

_RESULTS: Final = ("applied", "duplicate", "rejected")


def page_of(answer: Answer, name: str, cursor: str | None) -> Page:
    """A page of `products` or `stock`, which was asked for with a cursor."""
    if answer.moment is None:
        raise ConnectorError("The PMS's answer has no Date.")
    make = product_report if name == "products" else figure_report
    reports = [make(item) for item in rows_of(answer.json, name)]
    return Page(reports=reports, cursor=next_cursor(answer.json, cursor), moment=answer.moment)


def rows_of(json: Any, name: str) -> Sequence[Mapping[str, Any]]:
    """The objects of a list in an answer."""
    rows = _object(json, "The answer").get(name)
    if not isinstance(rows, list):
        raise ConnectorError(f"The PMS's answer has no list {name}.")
    return [_object(row, f"An entry of {name}") for row in rows]


def next_cursor(json: Mapping[str, Any], cursor: str | None) -> str | None:
    """The cursor of the next page; None after the last one."""
    following = json.get("next", "")
    # Half of a surrogate pair is not printable, and cannot be sent back in a URL.
    if following is not None and (not isinstance(following, str) or not following or not following.isprintable()):
        raise ConnectorError("The PMS's page has no next: it must be a cursor, or null on the last page.")
    if following is not None and following == cursor:
        raise ConnectorError("The PMS's page repeats its cursor, so that the list would never end.")
    return following


def product_report(data: Any) -> ProductReport | DeletionReport:
    """A product, or one that is gone."""
    product = _object(data, "A product")
    external_id = _identifier(product, "A product")
    version = _whole(product, "version", f"The product {external_id}")
    if product.get("deleted") is True:
        return DeletionReport(external_id=external_id, version=version, payload=product)
    return ProductReport(external_id=external_id, version=version, data=product, payload=product)


def product_with_id(data: Any, external_id: str) -> Report:
    """The product that was asked for."""
    report = product_report(data)
    if report.external_id != external_id:
        raise ConnectorError(f"The PMS has answered the product {report.external_id} instead of {external_id}.")
    return report


def figure_report(row: Mapping[str, Any]) -> FigureReport:
    """A figure, whose moment is `updated_at`."""
    sku = _text(row, "sku", "A stock entry")
    of = f"The stock of {sku}"
    return FigureReport(
        variant=VariantReference(sku=sku),
        location=_text(row, "location", of),
        on_hand=_whole(row, "on_hand", of),
        version=_whole_or_none(row, "version", of),
        occurred_at=_text(row, "updated_at", of),
    )


def location_of(row: Mapping[str, Any]) -> ExternalLocation:
    """A location of the PMS."""
    return ExternalLocation(external_id=_identifier(row, "A location"), name=_text(row, "name", "A location"))


def results_of(json: Any, pushes: Sequence[StockPush]) -> Sequence[StockPushResult]:
    """A result for each of the pushes, in their order."""
    results = [_result(row) for row in rows_of(json, "results")]
    by_key = {result.idempotency_key: result for result in results}
    keys = [push.idempotency_key for push in pushes]
    if len(results) != len(keys) or by_key.keys() != set(keys):
        raise ConnectorError("The PMS's results are not one for each adjustment that was sent.")
    return [by_key[key] for key in keys]


def _result(row: Mapping[str, Any]) -> StockPushResult:
    key, status, code = _text(row, "idempotency_key", "A result"), row.get("status"), row.get("code")
    of = f"The result of {key}"
    if status not in _RESULTS:
        raise ConnectorError(f"{of} of the PMS has a status that is not one of {', '.join(_RESULTS)}.")
    has_moment = status != "rejected" or row.get("occurred_at") is not None
    return StockPushResult(
        idempotency_key=key,
        status=status,
        code=code if isinstance(code, str) else "",
        on_hand=_whole_or_none(row, "on_hand", of),
        version=_whole_or_none(row, "version", of),
        occurred_at=_text(row, "occurred_at", of) if has_moment else None,
    )


def name_of(json: Any) -> str:
    """The name of the PMS."""
    return _text(_object(json, "The answer"), "name", "The answer")


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConnectorError(f"{what} of the PMS is no JSON object.")
    return value


def _identifier(row: Mapping[str, Any], what: str) -> str:
    return str(_whole(row, "id", what)) if isinstance(row.get("id"), int) else _text(row, "id", what)


def _text(row: Mapping[str, Any], name: str, what: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise ConnectorError(f"{what} of the PMS has no {name} that is a text.")
    return value


def _whole(row: Mapping[str, Any], name: str, what: str) -> int:
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConnectorError(f"{what} of the PMS has no {name} that is a whole number.")
    return value


def _whole_or_none(row: Mapping[str, Any], name: str, what: str) -> int | None:
    return None if row.get(name) is None else _whole(row, name, what)
