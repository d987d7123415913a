"""The page of a search, and its results while somebody types."""

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inventory.models import StockMovement
from pms_backend.access.visibility import sees_stock
from pms_backend.operations.menu import MENU
from pms_backend.operations.search.items import find_items
from pms_backend.operations.search.movements import find_movements
from pms_backend.operations.search.results import Group, Hit, Precedence, only_exact, without_repeats
from pms_backend.operations.search.rows import find_rows, may_view
from pms_backend.operations.search.sources import SOURCES
from products.models import Product
from products.search import MAX_SEARCH_LENGTH

PAGE: Final = "operations/search.html"
SUGGESTIONS: Final = "operations/search_suggestions.html"
# The most hits of one kind.
MAX_LISTED: Final = 20
MAX_SUGGESTED: Final = 5
# The first letter matches half of everything.
MIN_TYPED: Final = 2


def show_search(request: HttpRequest) -> HttpResponse:
    """What is found for `q`; with `open`, the page of the only exact hit; for htmx, the suggestions below the box."""
    text = request.GET.get("q", "").replace("\0", "")[:MAX_SEARCH_LENGTH].strip()
    is_typing = request.headers.get("HX-Request") == "true"
    if is_typing and len(text) < MIN_TYPED:
        text = ""
    groups = find(request, text, MAX_SUGGESTED if is_typing else MAX_LISTED) if text else []
    if "open" in request.GET and (hit := only_exact(groups)) is not None:
        return HttpResponseRedirect(hit.url)
    context = {"search_text": text, "groups": groups, "status": _status(text, groups)}
    if not is_typing:
        context |= {**admin.site.each_context(request), "title": _("Search"), "searched": _searched(request)}
    response = TemplateResponse(request, SUGGESTIONS if is_typing else PAGE, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def find(request: HttpRequest, text: str, limit: int) -> list[Group]:
    """At most `limit` hits of each kind, of what the user may view."""
    found = [
        *find_items(request, text, limit),
        *find_rows(request, SOURCES, text, limit),
        *find_movements(request, text),
        _pages(request, text),
    ]
    return list(without_repeats(found))


def _pages(request: HttpRequest, text: str) -> Group:
    """The pages of the menu with this text in their titles."""
    wanted = text.casefold()
    hits = [
        Hit(
            url=str(item["link"]),
            icon=item["icon"],
            title=item["title"],
            is_exact=str(item["title"]).casefold() == wanted,
        )
        for group in MENU
        for item in group["items"]
        if wanted in str(item["title"]).casefold() and item.get("permission", _everybody)(request)
    ]
    return Group(title=_("Pages"), precedence=Precedence.PAGE, hits=hits)


def _everybody(_request: HttpRequest) -> bool:
    return True


def _status(text: str, groups: Sequence[Group]) -> str:
    if not text:
        return ""
    count = sum(len(group.hits) for group in groups)
    if any(group.all_url for group in groups):
        found = _("The first %(count)s results for “%(text)s”")
    elif count:
        found = ngettext("%(count)s result for “%(text)s”", "%(count)s results for “%(text)s”", count)
    else:
        found = _("Nothing found for “%(text)s”: try a SKU, a barcode, words of the name, or a reference.")
    return found % {"count": count, "text": text}


def _searched(request: HttpRequest) -> list[tuple[Any, Any]]:
    """What the user can search for: titles of groups, and by what."""
    found: list[tuple[Any, Any]] = []
    sees_products = may_view(request, Product)
    if sees_stock(request) or sees_products:
        found.append((_("Items"), _("the SKU or the barcode")))
    if sees_products:
        found.append((_("Products"), _("words, or their beginnings, of name, SKUs, brand, tags or description")))
    found += [(source.title, source.searched) for source in SOURCES if may_view(request, source.model)]
    if may_view(request, StockMovement):
        found.append((_("Stock movements"), _("the reference")))
    return [*found, (_("Pages"), _("a part of the title"))]
