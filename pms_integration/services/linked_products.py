"""A product that a PMS and we have, while it is merged: what is written of it, and what is stored of its link."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pms_backend.api.exceptions import DomainError
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
from pms_integration.services.product_values import images_of, input_of, known_values
from products.models import ProductStatus
from products.skus import sku_key

UPDATED, UNCHANGED = "updated", "unchanged"
# Fields in the detail of a conflict.
MAX_NAMED: Final = 5


@dataclass(slots=True, kw_only=True)
class LinkedProduct:
    """A product of the PMS that is merged with ours, or made here if `row` has none.

    `told` is what the PMS has told just now, and `data` that as checked input; `renamed` are the variants of ours that
    get the SKUs of the PMS. `answered`: the push whose answer this is; `is_made_of_push`: nothing else has changed the
    product there since, so that the answer tells what the PMS has made of what it was sent. An answer with an older
    version than the last report is `older`, in place of `told`. `rivals` are as in `Sides`. Writing sets `change` and
    `notes`, or `error`.
    """

    row: PMSProduct
    request_id: str
    told: Values = field(default_factory=dict)
    data: dict[str, Any] | None = None
    is_deletion: bool = False
    renamed: Sequence[MatchedVariant] = ()
    retries_images: bool = False
    answered: PMSProductPush | None = None
    is_made_of_push: bool = False
    older: Values | None = None
    rivals: Sequence[Values] = ()
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
        before = self.row.reported
        if self.is_made_of_push and self.older is None:
            before = {name: value for name, value in before.items() if name not in sent}
        self.theirs = known_values(self.told, before)
        if self.is_made_of_push:
            # What the PMS makes of what it was sent: to send it again would change nothing.
            answer = self.theirs if self.older is None else self.older
            sent = {name: [answer.get(name), value] for name, (_, value) in sent.items()}
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
            rivals=self.rivals,
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
        if "attributes" in found:
            found["attributes"] = _patch(self.ours["attributes"], found["attributes"] or {})
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
        is_agreed = self.merged.agreed.get("images") == [self.theirs.get("images"), self.ours.get("images")]
        if "images" in self.merged.take or (self.merged.is_created and told) or (told and is_agreed):
            return images_of(self.theirs)
        return None

    def settle(self, after: Values) -> bool:
        """Stores in the row what is agreed, and what is not; returns whether there is a new conflict."""
        names = set(self.merged.take)
        if self.merged.is_created:
            names = {*self.theirs, *after}
        elif after != self.ours:
            # What follows from what was taken is no edit: a draft, a position, the values of an option.
            decided = self.merged.push.keys() | self.merged.conflicts
            names |= {name for name, value in after.items() if value != self.ours.get(name)} - decided
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


def _patch(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """The merge patch (RFC 7396) that makes our attributes theirs."""
    changed = {
        name: _patch(ours[name], value) if isinstance(value, dict) and isinstance(ours.get(name), dict) else value
        for name, value in theirs.items()
    }
    return {**dict.fromkeys(ours.keys() - theirs.keys()), **changed}


def disputed_fields(row: PMSProduct) -> set[str]:
    """The fields in conflict, by the names that values have."""
    return {stored_name(name) for fields in row.conflict.values() for name in fields}


def conflict_detail(row: PMSProduct) -> str:
    """What is in conflict, in words; empty without one."""
    names = [name for fields in row.conflict.values() for name in fields]
    if row.is_deleted and STATUS in names:
        return "The PMS has deleted the product, which was edited here since or whose status is ours."
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"Both sides have changed {', '.join(names[:MAX_NAMED])}{more}." if names else ""
