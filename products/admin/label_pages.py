"""Labels in the admin: an action of a list, a button of a page, and the page that is printed."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from pms_backend.api.forms import IntegerField
from pms_backend.api.service_admin import ServiceAdmin
from pms_backend.api.typed_unfold import action
from products.labels import MAX_COPIES, MAX_LABELS, SIZES, Label, on_pages, why_no_bars


class LabelForm(forms.Form):
    """The size of the labels, and how many of each."""

    size = forms.ChoiceField(
        label=gettext_lazy("Size"),
        choices=[(size.name, size.title) for size in SIZES.values()],
        widget=UnfoldAdminSelectWidget,
    )
    copies = IntegerField(
        label=gettext_lazy("Copies of each"),
        min_value=1,
        max_value=MAX_COPIES,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    def __init__(self, data: Any, *, count: int) -> None:
        super().__init__(data)
        self._count = count

    def clean_copies(self) -> int:
        """Refuses more labels than a page may have."""
        copies: int = self.cleaned_data["copies"]
        if copies * self._count > MAX_LABELS:
            wanted = {"count": copies * self._count, "limit": MAX_LABELS}
            raise forms.ValidationError(
                _("These are %(count)s labels; at most %(limit)s are printed at once.") % wanted
            )
        return copies


class LabelPages(ServiceAdmin):
    """A list whose rows have labels."""

    def labels_of(self, rows: QuerySet[Any]) -> Sequence[Label]:
        """The labels of these rows."""
        raise NotImplementedError

    @action(description=gettext_lazy("Print labels"), permissions=["view"])
    def print_labels(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        """Shows the labels of the selected rows."""
        keys = [(ACTION_CHECKBOX_NAME, key) for key in request.POST.getlist(ACTION_CHECKBOX_NAME)]
        hidden = [("action", "print_labels"), *keys]
        return self._label_page(request, self.labels_of(queryset), hidden=hidden, back=request.get_full_path())

    @action(description=gettext_lazy("Print labels"), url_path="labels", permissions=["view"], icon="barcode")
    def labels(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shows the labels of one row."""
        row = self.get_or_404(request, object_id)
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        labels = self.labels_of(self.get_queryset(request).filter(pk=row.pk))
        return self._label_page(request, labels, hidden=[], back=back)

    def _label_page(
        self, request: HttpRequest, labels: Sequence[Label], *, hidden: Sequence[tuple[str, str]], back: str
    ) -> HttpResponse:
        data = request.POST if "size" in request.POST else {"size": next(iter(SIZES)), "copies": "1"}
        form = LabelForm(data, count=len(labels))
        is_valid = form.is_valid()
        size = SIZES[form.cleaned_data.get("size") or next(iter(SIZES))]
        pages = on_pages(labels, size, copies=form.cleaned_data["copies"]) if is_valid else []
        count = sum(map(len, pages))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Labels"),
            "form": form,
            "hidden": hidden,
            "back": back,
            "size": size,
            "pages": [[(label, *_bars(label, size)) for label in page] for page in pages],
            "summary": ngettext("%(count)s label", "%(count)s labels", count) % {"count": count},
            "count": count,
        }
        return TemplateResponse(request, "products/labels.html", context)


def _bars(label: Label, size: Any) -> tuple[str, str]:
    """The width of the bars in millimetres, or why there are none."""
    width = label.symbol.millimetres(size) if label.symbol else 0
    # In an attribute, which has a point in every language.
    return (f"{width:.2f}", "") if width else ("", why_no_bars(label))
