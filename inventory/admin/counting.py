"""The page at the shelf: scan an item, enter its number, scan the next.

htmx swaps the panel without loading the page again; without JavaScript the same forms load it again.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from unfold.widgets import BASE_INPUT_CLASSES

from inventory import services
from inventory.admin.item_search import find_sku, picture_of
from inventory.models import MAX_QUANTITY, StockLevel, Stocktake, StocktakeLine
from inventory.plausibility import is_known_code, is_scan, largest_quantity_seen, question_about
from pms_backend.api.exceptions import problem_of
from pms_backend.api.forms import IntegerField
from pms_backend.api.service_admin import REFUSALS, moment
from products.models import Variant
from products.skus import sku_key

PAGE: Final = "inventory/count_page.html"
PANEL: Final = "inventory/count_panel.html"
# The lines that are left, which the panel names.
SHOWN_LEFT: Final = 50
# The answers to questions, and what to do with a count that is there already.
REPLACE, ADD, YES = "replace", "add", "yes"
# The questions: about a count that is there already, and about a number that is hard to believe.
AGAIN, SURE = "again", "sure"
NUMBER: Final = IntegerField(min_value=0, max_value=MAX_QUANTITY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A scanned SKU, with its line if the sheet has one."""

    variant: Variant
    line: StocktakeLine | None

    @property
    def name(self) -> str:
        """The SKU and the product."""
        return f"{self.variant.sku} {self.variant.product.name}"

    @property
    def counted(self) -> int | None:
        """The count so far."""
        return self.line.counted if self.line else None

    @property
    def counted_when(self) -> str | None:
        """When it was counted."""
        return moment(self.line.counted_at) if self.line and self.line.counted_at else None

    def picture(self) -> str | None:
        """The address of the product's picture."""
        return picture_of(self.variant)

    def largest_seen(self, location_id: int) -> int | None:
        """The largest number that the level has seen, or that the sheet expects."""
        level = (
            StockLevel.objects.filter(variant=self.variant, location=location_id).values_list("pk", flat=True).first()
        )
        seen = largest_quantity_seen(level) if level else None
        expected = abs(self.line.expected) if self.line else 0
        return max(seen or 0, expected) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was entered for an item: the number, whether it replaces or is added to a count, and whether it is sure."""

    text: str
    how: str = ""
    is_sure: bool = False

    @classmethod
    def of(cls, sent: QueryDict) -> "Entry":
        """Reads the form. To enter the number again that was asked about is to confirm it."""
        text, asked, answer = (sent.get(name, "").strip() for name in ("number", "asked", "answer"))
        if asked and not answer and text == asked:
            answer = REPLACE if sent.get("question") == AGAIN else YES
        if answer:
            how = answer if answer in (REPLACE, ADD) else sent.get("how", "")
            return cls(text=asked, how=how, is_sure=answer == YES)
        return cls(text=text.removeprefix("+").strip(), how=ADD if text.startswith("+") else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked before a number is stored, and the answers: their values and texts; `hint` says how to type one."""

    kind: str
    text: str
    hint: str
    entry: Entry
    answers: list[tuple[str, str]]


class CountingPage:
    """Answers the requests of the page of one open sheet."""

    def __init__(self, request: HttpRequest, stocktake: Stocktake) -> None:
        self._request, self._stocktake = request, stocktake
        self._is_panel = request.headers.get("HX-Request") == "true"
        self._url = reverse("admin:inventory_stocktake_count", args=[stocktake.pk])

    def respond(self) -> HttpResponse:
        """Shows what was scanned, or stores what was entered."""
        if self._request.method != "POST":
            return self._show(self._request.GET.get("q", "").strip())
        try:
            item = self._item(self._request.POST.get("sku", ""))
        except ValidationError as error:
            return self._page(scan_error=error.messages[0])
        return self._remove(item) if "remove" in self._request.POST else self._enter(item)

    def _show(self, scanned: str) -> HttpResponse:
        if not scanned:
            return self._page()
        try:
            return self._page(self._item(scanned))
        except ValidationError as error:
            return self._page(scan_error=error.messages[0])

    def _enter(self, item: Item) -> HttpResponse:
        """Stores the number, or asks about it; what is rather a scan is the next item."""
        entry = Entry.of(self._request.POST)
        is_code = bool(entry.text) and is_known_code(entry.text)
        if is_code and is_scan(entry.text):
            messages.warning(self._request, _("%(item)s was left uncounted.") % {"item": item.name})
            return HttpResponseRedirect(f"{self._url}?{urlencode({'q': entry.text})}")
        try:
            number = NUMBER.clean(entry.text)
        except ValidationError as error:
            return self._page(item, number_error=error.messages[0])
        if item.counted is not None and not entry.how:
            return self._page(item, question=_ask_again(item.counted, number, entry))
        total = number + (item.counted or 0) if entry.how == ADD else number
        text = question_about(total, seen=item.largest_seen(self._stocktake.location_id), is_code=is_code)
        if text and not entry.is_sure:
            return self._page(item, question=_ask_whether_sure(text, total, entry))
        return self._store(item, total, _result(item, number, total, entry.how))

    def _remove(self, item: Item) -> HttpResponse:
        return self._store(item, None, _("%(item)s: the count is removed.") % {"item": item.name})

    def _store(self, item: Item, counted: int | None, success: str) -> HttpResponse:
        """Calls the service, for the count that the page has shown."""
        seen = self._request.POST.get("replaces", "")
        replaces = int(seen) if re.fullmatch(r"[0-9]{1,18}", seen) else None
        try:
            services.replace_count(
                stocktake_id=self._stocktake.pk, sku=item.variant.sku, counted=counted, replaces=replaces
            )
        except REFUSALS as error:
            return self._page(self._item(item.variant.sku), number_error=problem_of(error).detail)
        messages.success(self._request, success)
        return self._page() if self._is_panel else HttpResponseRedirect(self._url)

    def _item(self, text: str) -> Item:
        """The item with this SKU or barcode. Raises `ValidationError`."""
        variant = Variant.objects.select_related("product").get(sku_key=sku_key(find_sku(text)))
        return Item(variant=variant, line=self._stocktake.lines.filter(variant=variant).first())

    def _page(self, item: Item | None = None, **more: Any) -> HttpResponse:
        around = {} if self._is_panel else admin.site.each_context(self._request)
        context = {**around, **self._progress(), "item": item, "location": self._stocktake.location, **more}
        template = PANEL if self._is_panel else PAGE
        return TemplateResponse(self._request, template, {**context, "is_panel": self._is_panel})

    def _progress(self) -> dict[str, Any]:
        """The lines that are counted and those that are left."""
        lines, counted = self._stocktake.lines.aggregate(lines=Count("pk"), counted=Count("counted")).values()
        left = self._stocktake.lines.filter(counted=None).select_related("variant__product").order_by("pk")
        may_post = self._request.user.has_perm("inventory.post_stocktake")
        return {
            "input_classes": " ".join(BASE_INPUT_CLASSES),
            "title": _("Count %(location)s") % {"location": self._stocktake.location},
            "opts": Stocktake._meta,
            "original": self._stocktake,
            "stocktake": self._stocktake,
            "count_url": self._url,
            "has_scan_box": True,
            "lines_count": lines,
            "counted_count": counted,
            "percent": 100 * counted // lines if lines else 0,
            "left": list(left[:SHOWN_LEFT]),
            "more_count": max(0, lines - counted - SHOWN_LEFT),
            "review_url": reverse("admin:inventory_stocktake_post_counts", args=[self._stocktake.pk])
            if may_post
            else "",
            "sheet_url": reverse("admin:inventory_stocktake_change", args=[self._stocktake.pk]),
        }


def _ask_again(counted: int, number: int, entry: Entry) -> Question:
    known, new, total = _shown(counted), _shown(number), _shown(counted + number)
    return Question(
        kind=AGAIN,
        text=_("%(known)s were counted already. Do %(new)s replace them, or were they found in another place?")
        % {"known": known, "new": new},
        hint=_("Enter %(number)s again to replace, +%(number)s to add, or the right number.") % {"number": entry.text},
        entry=entry,
        answers=[
            (REPLACE, _("Replace %(known)s by %(new)s") % {"known": known, "new": new}),
            (ADD, _("Add to %(known)s: %(total)s") % {"known": known, "total": total}),
        ],
    )


def _ask_whether_sure(text: str, total: int, entry: Entry) -> Question:
    return Question(
        kind=SURE,
        text=text,
        hint=_("Enter %(number)s again if it is so, or the right number.") % {"number": entry.text},
        entry=entry,
        answers=[(YES, _("Yes, %(number)s") % {"number": _shown(total)})],
    )


def _result(item: Item, number: int, total: int, how: str) -> str:
    values = {"item": item.name, "number": _shown(number), "total": _shown(total)}
    if item.counted is None:
        said = _("%(item)s: %(total)s counted.") % values
        return said if item.line else _("%(said)s It was added to the sheet.") % {"said": said}
    if how == ADD:
        return _("%(item)s: %(number)s added, %(total)s counted.") % values
    return _("%(item)s: %(total)s counted, instead of %(known)s.") % {**values, "known": _shown(item.counted)}


def _shown(number: int) -> str:
    return number_format(number, force_grouping=True)
