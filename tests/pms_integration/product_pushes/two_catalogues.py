"""Two systems that both edit the same product, and the memory of which edit was made with the knowledge of which."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any
from unittest.mock import patch

from django.db import transaction
from django.utils import timezone

from pms_backend.api import context
from pms_backend.events.services import relay_pending
from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import ConnectorError, DeletionReport, ProductReport, Report, VersionMoved
from pms_integration.connectors.outgoing import Page, ProductPush
from pms_integration.connectors.standard import StandardConnector
from pms_integration.models import PMSConnection, PMSProduct, PMSProductPush, SyncMode, SyncResource
from pms_integration.services.answers import apply_reports, checked_reports
from products import services as products
from products.descriptions import sanitized
from products.models import Product, ProductStatus
from tests.factories import make_connection, make_product
from tests.pms_integration.reports import receive

CONTENT, PRICE, PUBLICATION = "content", "price", "publication"
GROUP_OF = {
    **dict.fromkeys(("name", "brand", "description", "tags", "barcode"), CONTENT),
    **dict.fromkeys(("price", "cost"), PRICE),
    "status": PUBLICATION,
}
OF_VARIANT = ("barcode", "price", "cost")
# A method of `Pair` and the index of a field.
Edit = tuple[str, int]
# Its values repeat, so that they do not say which edit they come from.
STATUS = "status"
ROUNDS = 6


def new_value(name: str, number: int) -> Any:
    """A value that no other edit has."""
    match name:
        case "price" | "cost":
            return f"{number}.50"
        case "tags":
            return [f"tag-{number}"]
        case "description":
            return f"<p>Text {number}</p>"
    return f"{name}-{number}"


@dataclass
class OtherSide(StandardConnector):
    """The PMS: a product with versions in memory, and webhooks that wait to be delivered. Brands are in capitals."""

    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    versions: dict[str, int] = field(default_factory=dict)
    # The product that each key was used for.
    used: dict[str, str] = field(default_factory=dict)
    post: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    fault: str = ""
    has_lost_a_creation: bool = False
    # What happens while we call it, before and after it acts.
    meanwhile: dict[str, Callable[[], None]] = field(default_factory=dict)

    def write(self, number: str, body: dict[str, Any], *, is_lost: bool = False) -> None:
        """Stores a product as a new version, and announces it."""
        self.products[number] = {**body, "brand": str(body.get("brand") or "").upper()}
        self._announce("product.updated", number, is_lost=is_lost)

    def delete(self, number: str, *, is_lost: bool = False) -> None:
        """Leaves a tombstone."""
        self.deleted.add(number)
        self._announce("product.deleted", number, is_lost=is_lost)

    def _announce(self, kind: str, number: str, *, is_lost: bool) -> None:
        self.versions[number] = self.versions.get(number, 0) + 1
        if not is_lost:
            self.post.append((kind, self.shown(number)))

    def shown(self, number: str) -> dict[str, Any]:
        own = {"id": number, "version": self.versions[number]}
        return own if number in self.deleted else {**deepcopy(self.products[number]), **own}

    def report(self, number: str) -> Report:
        """What a call answers."""
        if number in self.deleted:
            return DeletionReport(external_id=number, version=self.versions[number], payload={})
        shown = self.shown(number)
        return ProductReport(external_id=number, version=self.versions[number], data=shown, payload=shown)

    def push_product(self, client: Any, push: ProductPush) -> Report:
        """Acts once, unless the call is lost before; the answer may be lost afterwards."""
        self._happens("before")
        if self.fault == "before":
            raise ConnectorError("lost before")
        number = self.used.get(push.idempotency_key) or self._act(push)
        answer = self.report(number)
        self._happens("after")
        if self.fault == "after":
            self.has_lost_a_creation = self.has_lost_a_creation or push.external_id is None
            raise ConnectorError("lost after")
        return answer

    def _act(self, push: ProductPush) -> str:
        number = push.external_id or f"p-{len(self.products) + 1}"
        if number in self.deleted:
            raise ConnectorError("gone", permanent=True, status=HTTPStatus.NOT_FOUND)
        if push.external_id and push.version != self.versions[number]:
            raise VersionMoved("moved", permanent=True, status=HTTPStatus.PRECONDITION_FAILED)
        self.used[push.idempotency_key] = number
        self.write(number, deepcopy(dict(push.payload)))
        return number

    def _happens(self, when: str) -> None:
        happening = self.meanwhile.pop(when, None)
        if happening is not None:
            happening()

    def get_product(self, client: Any, external_id: str) -> Report:
        return self.report(external_id)

    def pull_products(self, client: Any, since: datetime | None, cursor: str | None) -> Page:
        return Page(reports=[self.report(number) for number in self.products], cursor=None, moment=timezone.now())


@dataclass
class Pair:
    """Our side and the other side, and what each edit replaced."""

    pms: PMSConnection
    other: OtherSide
    sku: str
    product: Product
    # Those that are edited; the steps name them by their indexes.
    fields: Sequence[str]
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(100))
    last: dict[str, dict[str, Any]] = field(default_factory=lambda: {"here": {}, "there": {}})
    # Of a field and a value, the values that it replaced.
    replaced: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    is_edited: dict[str, set[str]] = field(default_factory=lambda: {"here": set(), "there": set()})
    added: dict[str, set[str]] = field(default_factory=lambda: {"here": set(), "there": set()})

    # -- what the sides have -----------------------------------------------------------------------------------------

    def here(self, name: str, sku: str = "") -> Any:
        if name in OF_VARIANT:
            value = getattr(self.product.variants.get(sku=sku or self.sku), name)
            return str(value) if isinstance(value, Decimal) else value
        return Product.objects.values_list(name, flat=True).get(pk=self.product.pk)

    def there(self, name: str, sku: str = "") -> Any:
        body = self.other.products[self.number]
        holder = (
            next(one for one in body["variants"] if one["sku"] == (sku or self.sku)) if name in OF_VARIANT else body
        )
        return as_we_store(name, holder.get(name))

    def row(self) -> PMSProduct:
        return PMSProduct.objects.get(connection=self.pms, product=self.product)

    @property
    def number(self) -> str:
        """The id of the product there."""
        return max(self.other.products)

    @property
    def is_there(self) -> bool:
        """Whether the PMS has the product."""
        return bool(self.other.products) and self.number not in self.other.deleted

    # -- what happens ------------------------------------------------------------------------------------------------

    def edit_here(self, index: int) -> None:
        name = self.fields[index % len(self.fields)]
        value = self._edited("here", name, self.here(name))
        if name in OF_VARIANT:
            variant = self.product.variants.get(sku=self.sku)
            products.update_variant(variant_id=variant.pk, data={name: Decimal(value) if name != "barcode" else value})
        else:
            products.update_product(product_id=self.product.pk, data={name: value})

    def edit_there(self, index: int, *, is_lost: bool = False) -> None:
        name = self.fields[index % len(self.fields)]
        if not self.is_there:
            return
        value = self._edited("there", name, self.there(name))
        body = deepcopy(self.other.products[self.number])
        holder = next(one for one in body["variants"] if one["sku"] == self.sku) if name in OF_VARIANT else body
        # What we do not store as it is.
        holder[name] = f"{value}<script>{value}</script>" if name == "description" else value
        self.other.write(self.number, body, is_lost=is_lost)

    def _edited(self, side: str, name: str, before: Any) -> Any:
        if name == STATUS:
            value = "draft" if before == "active" else "active"
        else:
            value = new_value(name, next(self.numbers))
            self.replaced[name, ident(value)] = {ident(before)}
        self.last[side][name] = as_we_store(name, value)
        self.is_edited[side].add(name)
        return value

    def add_variant_here(self) -> None:
        sku = f"{self.sku}-{next(self.numbers)}"
        products.update_product(
            product_id=self.product.pk, data={"variants": [{"sku": sku, "price": Decimal("3.00"), "currency": "USD"}]}
        )
        self.added["here"].add(sku)

    def add_variant_there(self) -> None:
        if self.is_there:
            sku = f"{self.sku}-{next(self.numbers)}"
            body = deepcopy(self.other.products[self.number])
            body["variants"].append({"sku": sku, "price": "4.00", "currency": "USD"})
            self.other.write(self.number, body)
            self.added["there"].add(sku)

    def delete_there(self) -> None:
        if self.is_there:
            self.other.delete(self.number)

    def deliver(self, index: int, *, keeps: bool = False) -> None:
        if self.other.post:
            place = index % len(self.other.post)
            kind, data = self.other.post[place] if keeps else self.other.post.pop(place)
            receive(self.pms, kind, data)
            services.apply_due_events()

    def deliver_all(self) -> None:
        """The newest first, and in one batch."""
        while self.other.post:
            receive(self.pms, *self.other.post.pop())
        services.apply_due_events()

    def relay(self) -> None:
        relay_pending()

    def push(self, *, fault: str = "", before: Edit | None = None, after: Edit | None = None) -> None:
        """One round: what has changed is sent. The fault is that of the calls; an edit may be made meanwhile."""
        relay_pending()
        self.other.fault = fault
        edits = {"before": before, "after": after}
        self.other.meanwhile = {when: self._edit(*edit) for when, edit in edits.items() if edit is not None}
        waiting = PMSProductPush.objects.filter(pms_product__connection=self.pms, due_at__isnull=False)
        waiting.update(due_at=timezone.now())
        services.push_due_products()
        PMSConnection.objects.update(circuit="closed", failures=0, next_try_at=None)
        self.other.fault, self.other.meanwhile = "", {}

    def _edit(self, method: str, index: int) -> Callable[[], None]:
        edit: Callable[[int], None] = getattr(self, method)
        return lambda: edit(index)

    def pull(self) -> None:
        run = services.start_sync(slug=self.pms.slug, mode=SyncMode.FULL, resources=[SyncResource.PRODUCTS])
        services.run_syncs()
        run.refresh_from_db()
        assert (run.status, run.failed) == ("finished", 0), run.errors

    def _tell_all(self) -> None:
        """What a full run lists, without the run."""
        reports = list(enumerate(map(self.other.report, self.other.products)))
        name, now = f"list-{next(self.numbers)}", timezone.now()
        valid, unusable = checked_reports(reports, slug=self.pms.slug, name=name, moment=now, pulled_at=now)
        assert unusable == []
        with transaction.atomic(), context.bind(actor=f"pms:{self.pms.slug}", request_id=name):
            outcomes = apply_reports(self.pms, valid)
        assert all(outcome.is_success for outcome in outcomes.values()), outcomes

    def resolve(self, side: str) -> None:
        """Somebody decides all conflicts for a side."""
        row = self.row()
        if not row.conflict or row.is_deleted:
            return
        for fields in row.conflict.values():
            for shown, values in fields.items():
                name = shown.rpartition(".")[2]
                if name != STATUS:
                    held, other = (
                        (values["pms"], values["local"]) if side == "pms" else (values["local"], values["pms"])
                    )
                    self.replaced.setdefault((name, ident(held)), set()).add(ident(other))
        services.resolve_conflict(pms_product_id=row.pk, sides=dict.fromkeys(row.conflict, side))

    # -- at rest -----------------------------------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        """Everything that was not lost arrives, what we owe goes out, and the PMS is asked for what it has."""
        before = None
        for _ in range(ROUNDS):
            self._round()
            before, figures = self._figures(), before
            if before == figures:
                return
        raise AssertionError(f"It does not come to rest: {figures}, {before}")

    def _round(self) -> None:
        self.push()
        while self.other.post:
            self.deliver(0)
        self._tell_all()

    def _figures(self) -> tuple[Any, ...]:
        waiting = PMSProductPush.objects.filter(pms_product__connection=self.pms).count()
        return dict(self.other.versions), Product.objects.values_list("version").get(pk=self.product.pk), waiting

    def conflicts(self) -> set[str]:
        """The fields in conflict."""
        return {name.rpartition(".")[2] for fields in self.row().conflict.values() for name in fields}

    def check(self) -> None:
        """Nothing waits, and each field has the value that it must have, on both sides."""
        assert not PMSProductPush.objects.filter(pms_product__connection=self.pms).exists()
        if not self.is_there:
            self._check_deletion()
            return
        conflicts = self.conflicts()
        for name, group in GROUP_OF.items():
            owner = self.pms.ownership[group]
            here, there = self.here(name), self.there(name)
            if owner == "shared":
                self._check_shared(name, here, there, is_conflict=name in conflicts)
            else:
                side = "there" if owner == "pms" else "here"
                assert name not in conflicts, name
                assert same(here, there), (name, here, there)
                if name in self.last[side]:
                    assert same(here, self.last[side][name]), (name, here, self.last[side][name])
        self._check_variants()

    def _check_shared(self, name: str, here: Any, there: Any, *, is_conflict: bool) -> None:
        last_here, last_there = self.last["here"].get(name), self.last["there"].get(name)
        if is_conflict:
            if name == "brand" and self.other.has_lost_a_creation:
                # What the PMS has made of a new product can't be told from an edit there once its answer is lost.
                return
            assert None not in (last_here, last_there), (name, "only one side has edited it")
        else:
            assert same(here, there), (name, here, there)
        if name == STATUS:
            return
        if last_here is None or last_there is None:
            expected = last_here if last_there is None else last_there
        elif self._knew(name, last_here, last_there):
            expected = last_here
        elif self._knew(name, last_there, last_here):
            expected = last_there
        else:
            assert is_conflict, (name, last_here, last_there)
            return
        assert not is_conflict, (name, "one edit was made with the knowledge of the other", last_here, last_there)
        assert expected is None or same(here, expected), (name, here, expected)

    def _knew(self, name: str, later: Any, earlier: Any) -> bool:
        """Whether the later value replaced the earlier one, directly or not."""
        seen: set[str] = set()
        waiting = {ident(later)}
        while waiting:
            seen |= waiting
            waiting = {one for value in waiting for one in self.replaced.get((name, value), ())} - seen
        return ident(earlier) in seen

    def _check_variants(self) -> None:
        owner = self.pms.ownership[CONTENT]
        here = set(self.product.variants.filter(is_archived=False).values_list("sku", flat=True))
        there = {one["sku"] for one in self.other.products[self.number]["variants"]}
        wanted = {self.sku}
        if owner in ("pms", "shared"):
            wanted |= self.added["there"]
        if owner in ("local", "shared"):
            wanted |= self.added["here"]
        assert wanted <= here & there, (wanted, here, there)

    def _check_deletion(self) -> None:
        row, status = PMSProduct.objects.filter(connection=self.pms, product=self.product).first(), self.here(STATUS)
        if row is not None and row.conflict:
            assert "status" in row.conflict[PUBLICATION]
            assert (
                self.pms.ownership[PUBLICATION] == "local"
                or any(self.pms.ownership[GROUP_OF[name]] != "pms" for name in self.is_edited["here"])
                or self.added["here"]
            )
        elif row is not None and row.is_deleted:
            assert status == ProductStatus.ARCHIVED


def as_we_store(name: str, value: Any) -> Any:
    return sanitized(value) if name == "description" and value else value


def ident(value: Any) -> str:
    """The edit that a value comes from."""
    return str(as_we_store("description", value) if isinstance(value, str) else value).lower()


def same(one: Any, other: Any) -> bool:
    return ident(one or "") == ident(other or "")


@contextmanager
def pair(slug: str, owners: dict[str, str], fields: Sequence[str], *, is_made_here: bool) -> Iterator[Pair]:
    """Two systems, and a product that is known to both, or was made here and is to be made there."""
    other, sku = OtherSide(), f"S-{slug}"
    pms = make_connection(slug)
    PMSConnection.objects.filter(pk=pms.pk).update(
        base_url="http://pms.example", **{f"{group}_owner": owner for group, owner in owners.items()}
    )
    pms.refresh_from_db()
    with patch.dict(CONNECTORS, {"standard": other}):
        if is_made_here:
            made = make_product(
                sku, cost="5.00", barcode=f"bar-{slug}", brand="B", description="<p>Soft</p>", tags=["t"]
            )
            services.publish_products(product_ids=[made.pk], connections=[slug])
        else:
            variant = {"sku": sku, "price": "10.00", "currency": "USD", "cost": "5.00", "barcode": f"bar-{slug}"}
            told = {"name": "Lamp", "status": "draft", "brand": "B", "description": "<p>Soft</p>", "tags": ["t"]}
            other.write("p-1", {**told, "variants": [variant]})
            receive(pms, *other.post.pop())
            services.apply_due_events()
            made = Product.objects.get(variants__sku=sku)
        relay_pending()
        yield Pair(pms, other, sku, made, fields)
        PMSConnection.objects.filter(pk=pms.pk).update(is_active=False)


def steps_of(both: Pair, steps: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Makes the steps in turn."""
    for name, arguments in steps:
        getattr(both, name)(**arguments)
