"""What a search shows: hits in groups, and the one that is opened at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from django.urls import reverse

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Precedence(IntEnum):
    """Which exact hits are opened before others.

    What a scanner reads comes first, so that a scan always leads to its item. Movements follow from a document, which
    says more.
    """

    ITEM = 0
    ROW = 1
    MOVEMENTS = 2
    PAGE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A page that was found: its first line, what stands in the second, and whether its code is what was typed."""

    url: str
    icon: str
    title: "StrOrPromise"
    details: Sequence["StrOrPromise | None"] = ()
    is_exact: bool = False

    @property
    def shown_details(self) -> list["StrOrPromise"]:
        """The details that are not empty."""
        return [detail for detail in self.details if detail]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Hits of one kind, exact ones first; `all_url` is the list of all, if there are more."""

    title: "StrOrPromise"
    hits: Sequence[Hit]
    precedence: Precedence = Precedence.ROW
    all_url: str = ""


def without_repeats(groups: Iterable[Group]) -> Iterator[Group]:
    """The groups that have hits, with only the first of several hits that lead to one page."""
    seen: set[str] = set()
    for group in groups:
        first = {hit.url: hit for hit in group.hits if hit.url not in seen}
        seen |= first.keys()
        if first:
            yield replace(group, hits=list(first.values()))


def only_exact(groups: Sequence[Group]) -> Hit | None:
    """The hit that is opened at once: the only exact one of the first precedence that has any."""
    for precedence in Precedence:
        exact = [hit for group in groups if group.precedence == precedence for hit in group.hits if hit.is_exact]
        if exact:
            return exact[0] if len(exact) == 1 else None
    return None


def list_url(name: str, **query: str) -> str:
    """The address of a list of the admin, such as `inventory_transfer`, with this query."""
    return reverse(f"admin:{name}_changelist", query=query)
