"""What becomes of the fields of a product that a PMS and we both have (API.md, *Field groups*). It writes nothing.

Of a group that one side owns, its values hold. A field of a shared group is merged against the pair (theirs, ours) that
was agreed last: what one side has changed goes to the other, and where both have changed it to different values it is a
conflict, which stays until somebody resolves it or both have the same value. None is a value that is not told.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final

from pms_integration.models import FieldGroupOwner
from pms_integration.services.product_fields import CONTENT, Values, group_of, variant_field, variants_of
from products.descriptions import sanitized
from products.models import ProductStatus

# The value of the PMS and ours.
Pair = list[Any]
Pairs = Mapping[str, Pair]

STATUS: Final = "status"
ARCHIVED: Final = ProductStatus.ARCHIVED.value
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What is known of a product: `theirs` as the PMS has told it last, `ours` as it is.

    `agreed` are the pairs agreed on last, `sent` those of the last push, whose answer is known or not (`is_answered`),
    `disputed` the fields in conflict, `owners` the owner of each group. `rivals` are the values of other PMSs that own
    their group too: what one of these has told is no edit of ours that would be undone.
    """

    owners: Mapping[str, str]
    theirs: Values
    ours: Values
    agreed: Pairs = field(default_factory=dict)
    sent: Pairs = field(default_factory=dict)
    is_answered: bool = False
    disputed: Set[str] = frozenset()
    rivals: Sequence[Values] = ()


@dataclass(slots=True)
class Merge:
    """What is to be done: `take` has the PMS's values that are written here, `push` ours that it is told.

    `removed` are variants that we do not have any more, and `new_variants` those that we do not have yet. `agreed` has
    the pairs without those of `take`, and `conflicts` the fields that both sides have changed. `is_created`: the
    product was made here of the PMS's.
    """

    take: Values = field(default_factory=dict)
    push: Values = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    new_variants: set[str] = field(default_factory=set)
    agreed: dict[str, Pair] = field(default_factory=dict)
    conflicts: set[str] = field(default_factory=set)
    is_created: bool = False

    @property
    def is_pushed(self) -> bool:
        """Whether the PMS has to be told anything."""
        return bool(self.push or self.removed)


def merge(sides: Sides) -> Merge:
    """Decides on each field."""
    return _Merger(sides).merge()


def merge_deletion(sides: Sides) -> Merge:
    """Decides on a product that the PMS has deleted: it is archived, unless that is a conflict.

    It is one if the product was edited here since, or its status is ours.
    """
    found = merge(sides)
    # A push also undoes what the PMS has edited of a group that is ours.
    edited = [name for name, ours in found.push.items() if found.agreed.get(name, [None, None])[1] != ours]
    is_edited = bool(edited or found.removed or found.conflicts)
    deletion = Merge(agreed=found.agreed, conflicts=found.conflicts)
    if sides.ours["status"] == ARCHIVED:
        return deletion
    if is_edited or sides.owners[group_of(STATUS)] == FieldGroupOwner.LOCAL:
        deletion.conflicts.add(STATUS)
    else:
        deletion.take[STATUS] = ARCHIVED
    return deletion


class _Merger:
    def __init__(self, sides: Sides) -> None:
        self._sides = sides
        self._result = Merge()

    def merge(self) -> Merge:
        sides = self._sides
        theirs, ours = variants_of(sides.theirs), variants_of(sides.ours)
        for name in _names(sides.theirs, sides.ours):
            self._decide(name)
        for key in dict.fromkeys((*theirs, *ours)):
            if key not in ours:
                self._only_there(key, theirs[key])
            elif key not in theirs:
                self._only_here(key, ours[key])
            else:
                for name in dict.fromkeys((*theirs[key], *ours[key])):
                    self._decide(variant_field(key, name))
        return self._result

    def _pair(self, name: str) -> Pair | None:
        """The pair agreed on last: that of a push once it is answered, or once the PMS tells the value."""
        sent, theirs = self._sides.sent.get(name), self._sides.theirs
        # Of a variant that the PMS does not have it tells no value, not even an empty one.
        if sent is not None and (self._sides.is_answered or (name in theirs and sent[0] == theirs[name])):
            return sent
        return self._sides.agreed.get(name)

    def _decide(self, name: str) -> None:
        theirs, ours, pair = self._sides.theirs.get(name), self._sides.ours.get(name), self._pair(name)
        owner = self._sides.owners[group_of(name)]
        if is_same(name, theirs, ours):
            pair = [theirs, ours]
        elif name in self._sides.disputed and owner == FieldGroupOwner.SHARED:
            self._result.conflicts.add(name)
        elif pair == [theirs, ours] or self._is_in_flight(name):
            pass
        elif owner == FieldGroupOwner.LOCAL:
            self._result.push[name] = ours
        elif theirs is None and (pair is None or owner == FieldGroupOwner.PMS):
            pair = [theirs, ours]
        elif owner == FieldGroupOwner.PMS:
            if not any(name in told and is_same(name, told[name], ours) for told in self._sides.rivals):
                self._result.take[name] = theirs
        else:
            self._merge(name, pair)
        if pair is not None:
            self._result.agreed[name] = pair

    def _merge(self, name: str, pair: Pair | None) -> None:
        theirs, ours = self._sides.theirs.get(name), self._sides.ours.get(name)
        if pair is None and name.endswith("].sku"):
            # Another spelling of the same SKU.
            self._result.agreed[name] = [theirs, ours]
        elif pair is None or (pair[0] != theirs and pair[1] != ours):
            self._result.conflicts.add(name)
        elif pair[0] != theirs:
            self._result.take[name] = theirs
        else:
            self._result.push[name] = ours

    def _is_in_flight(self, name: str) -> bool:
        """Whether a push of the field is on its way: only its answer tells what the PMS makes of it."""
        sent = None if self._sides.is_answered else self._sides.sent.get(name)
        return sent is not None and sent[0] != self._sides.theirs.get(name)

    def _only_there(self, key: str, values: Values) -> None:
        """A variant that we do not have: it is new there, or we have removed it."""
        names = [variant_field(key, name) for name in values]
        pairs = {name: pair for name in names if (pair := self._pair(name)) is not None}
        owner = self._sides.owners[CONTENT]
        is_edited = any(pairs[name][0] != self._sides.theirs[name] for name in pairs)
        was_here = any(ours is not None for _, ours in pairs.values())
        if owner == FieldGroupOwner.LOCAL and not pairs:
            return
        self._result.agreed |= pairs
        if not pairs or (is_edited and owner == FieldGroupOwner.SHARED) or (was_here and owner == FieldGroupOwner.PMS):
            self._result.new_variants.add(key)
            self._result.take |= {name: self._sides.theirs[name] for name in names}
        elif was_here and owner != FieldGroupOwner.PMS:
            self._result.removed.add(key)

    def _only_here(self, key: str, values: Values) -> None:
        """A variant that the PMS does not have: it is new here, or was removed there, which stays unless we own it."""
        names = [variant_field(key, name) for name in values]
        pairs = {name: pair for name in names if (pair := self._pair(name)) is not None}
        self._result.agreed |= pairs
        owner = self._sides.owners[CONTENT]
        is_edited = any(pairs[name][1] != self._sides.ours[name] for name in pairs)
        # Where it never was there, the PMS has not taken it.
        is_undone = owner == FieldGroupOwner.LOCAL and any(theirs is not None for theirs, _ in pairs.values())
        if owner != FieldGroupOwner.PMS and (not pairs or is_edited or is_undone):
            self._result.push |= {name: self._sides.ours[name] for name in names}


def is_same(name: str, theirs: Any, ours: Any) -> bool:
    """Whether both sides have the same value, as we store it."""
    if theirs == ours or (theirs in _EMPTY and ours in _EMPTY):
        return True
    if name == "images" and theirs is not None and len(theirs) == len(ours):
        return all(
            there["url"] == here["url"] and there["alt"] in (None, here["alt"])
            for there, here in zip(theirs, ours, strict=True)
        )
    return name == "description" and isinstance(theirs, str) and sanitized(theirs) == ours


def _names(*values: Collection[str]) -> Iterable[str]:
    """The fields of the product itself."""
    return dict.fromkeys(name for each in values for name in each if not name.startswith("variants["))
