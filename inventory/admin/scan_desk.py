"""The scan desk: an item is scanned, then its units are booked, one item after the other, without loading the page.

htmx replaces the item and adds to the log; without JavaScript the same forms load the page.
"""

import hashlib
import re
import secrets
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory import services
from inventory.admin.fields import ACTIVE_LOCATIONS
from inventory.admin.item_search import find_variants, picture_of
from inventory.admin.jobs import Job, jobs_of
from inventory.admin.quantities import before_and_after
from inventory.admin.scan_forms import BookingForm, ChoicesForm, Entry
from inventory.models import Location, StockLevel, StockMovement
from pms_backend.api.exceptions import OutcomeUnknown, problem_of
from pms_backend.api.idempotency import IdempotencyInProgress
from pms_backend.api.service_admin import REFUSALS, RefusalsAsFormErrors, ServiceAdmin
from pms_backend.api.services import act_once
from pms_backend.api.typed_unfold import action
from products.models import Variant
from products.skus import as_sku_key

PAGE: Final = "inventory/scan_desk.html"
ITEM: Final = "inventory/scan_desk_item.html"
LOG: Final = "inventory/scan_desk_log.html"
# The choices that a member of staff made last, in the session.
CHOICES: Final = "scan_desk"


class ScanDesk(ServiceAdmin):
    """Adds the page `scan` to the admin of the levels."""

    @action(
        description=gettext_lazy("Scan"),
        url_path="scan",
        permissions=["view"],
        icon="barcode_scanner",
        variant="primary",
    )
    def scan(self, request: HttpRequest) -> HttpResponse:
        """Finds an item by `q`; books units of it; undoes a movement of the log."""
        if "undo" in request.POST:
            return self._undo(request)
        if "sku" in request.POST:
            return self._book(request)
        return self._find(request, request.GET.get("q", "").strip())

    def _find(self, request: HttpRequest, text: str, *entries: Entry) -> HttpResponse:
        context: dict[str, Any] = {}
        if text:
            found = find_variants(text)
            context = {"candidates": found, "missed": "" if found else text}
            if len(found) == 1:
                context = self._item(request, found[0], form=None)
        return self._page(request, context, *entries)

    def _book(self, request: HttpRequest) -> HttpResponse:
        job, variant = _job(request), _variant_or_404(request.POST.get("sku", ""))
        if job is None or job != request.POST.get("do"):
            raise PermissionDenied
        level = _level(variant, _location(request))
        form = BookingForm(request.POST, variant=variant, job=job, level=level)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                return self._booked(request, _book_once(request, form) or _booked_before(variant))
            form.expect(_level(variant, _location(request)))
        reason = " ".join(str(error) for errors in form.errors.values() for error in errors)
        if form.scanned:
            reason = _("%(code)s was scanned instead of a quantity.") % {"code": form.scanned}
        entry = Entry(
            text=_("%(sku)s %(name)s: nothing was booked. %(reason)s")
            % {"sku": variant.sku, "name": variant.product.name, "reason": reason},
            is_booked=False,
        )
        if form.scanned:
            return self._find(request, form.scanned, entry)
        return self._page(request, self._item(request, variant, form=form), entry)

    def _booked(self, request: HttpRequest, entry: Entry) -> HttpResponse:
        if _is_htmx(request):
            return self._page(request, {}, entry)
        return _with_message(request, entry)

    def _undo(self, request: HttpRequest) -> HttpResponse:
        """Reverses a movement; its line of the log is replaced."""
        if not jobs_of(request.user):
            raise PermissionDenied
        number = request.POST["undo"]
        movement = StockMovement.objects.select_related("level__location", "level__variant__product")
        found = movement.filter(pk=number).first() if re.fullmatch(r"[0-9]{1,18}", number) else None
        if found is None:
            raise Http404
        names = {"location": found.level.location.name, "product": found.level.variant.product.name}
        try:
            change = services.reverse_movement(movement_id=found.pk)
        except OutcomeUnknown:
            # It is answered as one, and may be sent again: a reversal acts once.
            raise
        except REFUSALS as error:
            entry = Entry(text=_("Not undone: %(reason)s") % {"reason": problem_of(error).detail}, is_booked=False)
        else:
            entry = Entry(text=_("Undone: %(change)s") % {"change": before_and_after(change, **names)})
        if _is_htmx(request):
            response = TemplateResponse(request, LOG, {"entries": [entry]})
            if not entry.is_booked:
                response["HX-Reswap"] = "beforebegin"
            return response
        return _with_message(request, entry)

    def _item(self, request: HttpRequest, variant: Variant, form: BookingForm | None) -> dict[str, Any]:
        """The item with its levels, and the form of the job that is chosen."""
        job, location = _job(request), _location(request)
        levels = StockLevel.objects.filter(variant=variant).select_related("location")
        if form is None and job is not None and location is not None:
            form = _new_form(request, variant, job, location)
        return {
            "variant": variant,
            "picture": picture_of(variant),
            "levels": levels.order_by("location__priority", "location__code"),
            "location": location,
            "job": job,
            "form": form,
        }

    def _page(self, request: HttpRequest, context: dict[str, Any], *entries: Entry) -> HttpResponse:
        """The whole page, or for htmx the item and the new lines of the log."""
        job, location = _job(request), _location(request)
        _remember(request, job, location)
        shown = {**context, "entries": entries, "desk_url": request.path, "jobs": jobs_of(request.user)}
        if _is_htmx(request):
            response = TemplateResponse(request, ITEM, {**shown, "is_htmx": True})
            if "variant" in context:
                response["HX-Trigger"] = "scan:found"
            return response
        choices = ChoicesForm(initial={"do": job, "location": location and location.code})
        site = self.admin_site.each_context(request)
        page = {**site, "title": _("Scan desk"), "has_scan_box": True, "choices": choices, **shown}
        return TemplateResponse(request, PAGE, page)


def _with_message(request: HttpRequest, entry: Entry) -> HttpResponse:
    messages.add_message(request, messages.SUCCESS if entry.is_booked else messages.ERROR, entry.text)
    return HttpResponseRedirect(request.path)


def _is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _chosen(request: HttpRequest, name: str) -> str:
    """A choice of this request, or the last one."""
    sent = request.POST if request.method == "POST" else request.GET
    return str(sent.get(name) or request.session.get(CHOICES, {}).get(name, ""))


def _job(request: HttpRequest) -> Job | None:
    """The chosen job if the user may do it, else the first that they may do."""
    allowed = jobs_of(request.user)
    return next((job for job in allowed if job == _chosen(request, "do")), allowed[0] if allowed else None)


def _location(request: HttpRequest) -> Location | None:
    """The chosen location, else the first by priority."""
    active = ACTIVE_LOCATIONS.all()
    return active.filter(code=_chosen(request, "location")).first() or active.first()


def _remember(request: HttpRequest, job: Job | None, location: Location | None) -> None:
    choices = {
        "do": job.value if job else "",
        "location": location.code if location else "",
        "target": _chosen(request, "target"),
    }
    if request.session.get(CHOICES) != choices:
        request.session[CHOICES] = choices


def _variant_or_404(sku: str) -> Variant:
    variant = Variant.objects.select_related("product").filter(sku_key=as_sku_key(sku) or "").first()
    if variant is None:
        raise Http404
    return variant


def _level(variant: Variant, location: Location | None) -> StockLevel | None:
    return StockLevel.objects.filter(variant=variant, location=location).first()


def _new_form(request: HttpRequest, variant: Variant, job: Job, location: Location) -> BookingForm:
    level = _level(variant, location)
    initial = {
        "sku": variant.sku,
        "do": job.value,
        "location": location.code,
        "target": _chosen(request, "target"),
        "expected_on_hand": level.on_hand if level else 0,
        "key": secrets.token_urlsafe(),
    }
    return BookingForm(variant=variant, job=job, level=level, initial=initial)


def _book_once(request: HttpRequest, form: BookingForm) -> Entry | None:
    """What was booked; None if this form was booked before, and the answer was lost."""
    if not form.cleaned_data["key"]:
        return form.book()
    key = f"scan-desk {request.user.pk} {form.cleaned_data['key']}"
    try:
        return act_once(key=hashlib.sha256(key.encode()).digest(), act=form.book)
    except IdempotencyInProgress:
        return Entry(text=_("It is being booked at this moment: look at the movements."), is_booked=False)


def _booked_before(variant: Variant) -> Entry:
    text = _("%(sku)s %(name)s: it was booked already; nothing was booked a second time.")
    return Entry(text=text % {"sku": variant.sku, "name": variant.product.name})


def scan_url(**query: str) -> str:
    """The address of the scan desk with these choices."""
    return reverse("admin:inventory_stocklevel_scan", query=query)
