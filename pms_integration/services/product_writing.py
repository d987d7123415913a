"""Writes what is merged of products that a PMS and we have: our products, the links, and requests of pushes.

Lock order: the PMSProducts are locked by the caller; then products, variants, and at last the pushes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pms_backend.api.exceptions import DomainError
from pms_backend.events import services as outbox
from pms_integration.events import PMSConflict
from pms_integration.models import MAX_REASON_LENGTH, PMSConnection, PMSProduct, PMSProductPush
from pms_integration.services.product_fields import (
    Values,
    group_of,
    shown_name,
    skus_of,
    split,
    stored_name,
    variant_field,
    variants_of,
)
from pms_integration.services.product_matching import MatchedVariant
from pms_integration.services.product_merge import ARCHIVED, STATUS, Merge, Sides, merge, merge_deletion
from pms_integration.services.product_pushes.recording import request_pushes, takes_products
from pms_integration.services.product_values import images_of, input_of, known_values, values_of_products
from products import services as products
from products.exceptions import PublishRulesFailed
from products.models import Category, Product, ProductStatus
from products.services import ImageList
from products.skus import sku_key

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"
# Fields in the detail of a conflict.
MAX_NAMED: Final = 5


@dataclass(slots=True, kw_only=True)
class LinkedProduct:
    """A product of the PMS that is merged with ours, or made here if `row` has none.

    `told` is what the PMS has told just now, and `data` that as checked input; `renamed` are the variants of ours that
    get the SKUs of the PMS. `answered`: the push whose answer this is; its first answer tells what the PMS has made of
    what it was sent. Writing sets `change` and `notes`, or `error`.
    """

    row: PMSProduct
    request_id: str
    told: Values = field(default_factory=dict)
    data: dict[str, Any] | None = None
    is_deletion: bool = False
    renamed: Sequence[MatchedVariant] = ()
    retries_images: bool = False
    answered: PMSProductPush | None = None
    notes: list[str] = field(default_factory=list)
    change: str = UNCHANGED
    error: DomainError | None = None
    theirs: Values = field(default_factory=dict)
    ours: Values = field(default_factory=dict)
    merged: Merge = field(default_factory=Merge)

    @property
    def is_new(self) -> bool:
        """Whether the product is made here."""
        return self.row.product_id is None

    @property
    def reason(self) -> str:
        """What there is to say about it, once it is written."""
        return " ".join((*self.notes, conflict_detail(self.row))).strip()[:MAX_REASON_LENGTH]

    def merge(self, pms: PMSConnection, ours: Values, waiting: PMSProductPush | None) -> None:
        """Merges the values; `waiting` is a push whose answer is not known."""
        push = self.answered or waiting
        sent = dict(push.sent) if push else {}
        is_first_answer = self.answered is not None and self.answered.attempts == 1
        before = self.row.reported
        if is_first_answer:
            before = {name: value for name, value in before.items() if name not in sent}
        self.theirs = known_values(self.told, before)
        if is_first_answer:
            # What the PMS makes of what it was sent: to send it again would change nothing.
            sent = {name: [self.theirs.get(name), value] for name, (_, value) in sent.items()}
        if self.row.is_deleted and not self.is_deletion:
            self.theirs[STATUS] = self.told.get(STATUS, ProductStatus.DRAFT.value)
        self.row.is_deleted = self.is_deletion
        self.ours = self._with_new_keys(ours)
        sides = Sides(
            owners=pms.ownership,
            theirs=self.theirs,
            ours=self.ours,
            agreed=self.row.agreed,
            sent=sent,
            is_answered=self.answered is not None,
            disputed=disputed_fields(self.row),
        )
        if self.is_deletion:
            self.merged = merge_deletion(sides)
            self.theirs[STATUS] = ARCHIVED
        else:
            self.merged = merge(sides)
            self.merged.take |= {variant_field(one.key, "sku"): one.new_sku for one in self.renamed}

    def _with_new_keys(self, ours: Values) -> Values:
        keys = {sku_key(one.sku): one.key for one in self.renamed}
        named = ((name, split(name)) for name in ours)
        return {
            variant_field(keys.get(of[0], of[0]), of[1]) if of else name: value
            for (name, of), value in zip(named, ours.values(), strict=True)
        }

    def input(self, categories: Collection[str]) -> dict[str, Any]:
        """The input of the bulk service; empty if there is nothing to write."""
        values = dict(self.theirs if self.is_new else self.merged.take)
        values.pop("images", None)
        if values.get("category") and values["category"] not in categories:
            self.notes.append(f"There is no category {values.pop('category')}.")
        if self.is_new:
            found = {name: value for name, value in (self.data or {}).items() if name != "category"}
            found |= {"category": values["category"]} if values.get("category") else {}
        else:
            found = self._changes(values)
        if not found:
            return {}
        linked = {} if self.is_new else {"id": self.row.product_id}
        return {**found, **linked, "is_whole": True, "request_id": self.request_id}

    def _changes(self, values: Values) -> dict[str, Any]:
        named: list[str] = []
        if "options" in values or variants_of(values):
            # A variant that is not named, and whose options fit no more, would be archived.
            ours = variants_of(self.ours)
            named = [key for key in variants_of(self.theirs) if key in ours or key in self.merged.new_variants]
        found = input_of(values, skus_of(values, self.ours, self.theirs), named)
        ids = {one.key: one.id for one in self.renamed}
        for variant in found.get("variants", ()):
            key = sku_key(variant["sku"])
            variant |= {"id": ids[key]} if key in ids else {}
        return found

    def images(self) -> dict[str, str | None] | None:
        """The images that the PMS has of the product, if ours become those."""
        told = self.told.get("images") is not None and "images" not in self.merged.push | dict.fromkeys(
            self.merged.conflicts
        )
        is_agreed = self.merged.agreed.get("images", [None])[0] == self.theirs.get("images")
        if "images" in self.merged.take or (self.merged.is_created and told) or (told and is_agreed):
            return images_of(self.theirs)
        return None

    def settle(self, after: Values) -> bool:
        """Stores in the row what is agreed, and what is not; returns whether there is a new conflict."""
        names = dict.fromkeys((*self.theirs, *after)) if self.merged.is_created else self.merged.take
        pairs = {name: [self.theirs.get(name), after.get(name)] for name in names}
        if self.told or self.is_deletion:
            self.row.reported = self.theirs
        self.row.agreed = {**self.merged.agreed, **pairs}
        before = disputed_fields(self.row)
        self.row.conflict = self._conflict(after)
        return not self.merged.conflicts <= before

    def _conflict(self, after: Values) -> dict[str, dict[str, dict[str, Any]]]:
        found: dict[str, dict[str, dict[str, Any]]] = {}
        skus = skus_of(after, self.theirs)
        for name in sorted(self.merged.conflicts):
            pair = self.merged.agreed.get(name)
            found.setdefault(group_of(name), {})[shown_name(name, skus)] = {
                "agreed": pair[1] if pair else None,
                "pms": self.theirs.get(name),
                "local": after.get(name),
            }
        return found


def disputed_fields(row: PMSProduct) -> set[str]:
    """The fields in conflict, by the names that values have."""
    return {stored_name(name) for fields in row.conflict.values() for name in fields}


def write_linked(pms: PMSConnection, linked: Sequence[LinkedProduct]) -> None:
    """Merges and writes products, without a product in common; the caller stores their rows, unless there is an error.

    Constant in statements.
    """
    if linked:
        _Writer(pms, linked).write()


class _Writer:
    def __init__(self, pms: PMSConnection, linked: Sequence[LinkedProduct]) -> None:
        self._pms = pms
        self._linked = linked

    def write(self) -> None:
        self._merge()
        self._upsert()
        changed = self._replace_images()
        written = [one for one in self._linked if one.error is None]
        ids = {one.row.product_id for one in written if one.change != UNCHANGED or one.row.product_id in changed}
        after = values_of_products({pk for pk in ids if pk is not None})
        self._settle(written, after)
        if takes_products(self._pms):
            request_pushes([one.row.pk for one in written if one.merged.is_pushed and not one.is_deletion])

    def _merge(self) -> None:
        ids = sorted(one.row.product_id for one in self._linked if one.row.product_id is not None)
        # Locked before they are read, so that no edit of ours is lost between.
        list(Product.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True).values_list("pk"))
        ours = values_of_products(ids)
        rows = [one.row.pk for one in self._linked if not one.is_new]
        waiting = {
            push.pms_product_id: push
            for push in PMSProductPush.objects.filter(pms_product__in=rows, idempotency_key__isnull=False)
        }
        for one in self._linked:
            if one.row.product_id is None:
                one.theirs = one.told
            else:
                one.merge(self._pms, ours[one.row.product_id], waiting.get(one.row.pk))

    def _upsert(self) -> None:
        wanted = {one.theirs["category"] for one in self._linked if one.theirs.get("category")}
        categories = set(Category.objects.filter(slug__in=wanted).values_list("slug", flat=True)) if wanted else set()
        inputs = [(one, found) for one in self._linked if (found := one.input(categories))]
        drafts = []
        for one, found, error in self._write(inputs):
            if isinstance(error, PublishRulesFailed):
                one.notes.append(f"Kept as a draft: {error.detail}")
                drafts.append((one, {**found, "status": ProductStatus.DRAFT.value}))
            else:
                one.error = error
        for one, _, error in self._write(drafts):
            one.error = error

    def _write(
        self, inputs: Sequence[tuple[LinkedProduct, dict[str, Any]]]
    ) -> list[tuple[LinkedProduct, dict[str, Any], DomainError | None]]:
        if not inputs:
            return []
        outcomes = products.upsert_products(rows=[(index, found) for index, (_, found) in enumerate(inputs)])
        for outcome in outcomes:
            one, _ = inputs[outcome.index]
            if outcome.error is None:
                one.merged.is_created = one.is_new
                one.row.product_id, one.change = outcome.key["id"], outcome.status
        return [(*inputs[outcome.index], outcome.error) for outcome in sorted(outcomes, key=lambda each: each.index)]

    def _replace_images(self) -> set[int]:
        """Makes the images of our products those of the PMS; returns the products that have changed by it."""
        lists = {
            one.row.product_id: (one, images)
            for one in self._linked
            if one.error is None and one.row.product_id is not None and (images := one.images()) is not None
        }
        changed = products.replace_image_lists(
            lists=[
                ImageList(
                    product_id=product_id,
                    images=images,
                    retries_failed=one.retries_images,
                    request_id=one.request_id,
                )
                for product_id, (one, images) in lists.items()
            ],
            listed_by=f"pms:{self._pms.slug}",
        )
        for product_id, (one, _) in lists.items():
            if product_id in changed.product_ids and one.change == UNCHANGED:
                one.change = UPDATED
            if product_id in changed.left_out:
                one.notes.append(changed.left_out[product_id])
        return changed.product_ids

    def _settle(self, written: Sequence[LinkedProduct], after: dict[int, Values]) -> None:
        conflicts = []
        for one in written:
            if one.row.product_id is not None and one.settle(after.get(one.row.product_id, one.ours)):
                conflicts.append(one)
        if conflicts:
            events = [
                PMSConflict(
                    connection=self._pms.slug, external_id=one.row.external_id or "", detail=conflict_detail(one.row)
                )
                for one in conflicts
            ]
            outbox.record(*events, request_ids=[one.request_id for one in conflicts])


def conflict_detail(row: PMSProduct) -> str:
    """What is in conflict, in words; empty without one."""
    names = [name for fields in row.conflict.values() for name in fields]
    if row.is_deleted and STATUS in names:
        return "The PMS has deleted the product, which was edited here since."
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"Both sides have changed {', '.join(names[:MAX_NAMED])}{more}." if names else ""
