"""The names by which a PMS calls our categories, on the page of its connection."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from pms_backend.api.service_admin import ServiceForm, ServiceInline
from pms_integration.models import PMSCategory
from products.models import Category


class PMSCategoryForm(ServiceForm):
    """The name of a category in the PMS."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if self.instance.pk and "category" in self.fields:
            # The category identifies the row. A widget that looks up its choices would do so for each row.
            choices = [(self.instance.category_id, str(self.instance.category))]
            self.fields["category"].widget = UnfoldAdminSelectWidget(choices=choices)
            self.fields["category"].disabled = True


class PMSCategoryInline(ServiceInline):
    """The categories that the PMS calls neither by their slugs nor by their names."""

    model = PMSCategory
    form = PMSCategoryForm
    fields = ("category", "external_name")
    autocomplete_fields = ("category",)
    can_delete = True
    verbose_name = gettext_lazy("category name")
    verbose_name_plural = gettext_lazy("Category names: where the PMS uses neither our slug nor our name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PMSCategory]:
        """The rows with their categories."""
        return super().get_queryset(request).select_related("category")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """True: who views the connection views its table."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may change the connection."""
        return request.user.has_perm("pms_integration.change_pmsconnection")

    has_change_permission = has_delete_permission = has_add_permission


def names_in(formset: Any) -> Mapping[Category, str | None]:
    """The names that were changed in the inline, None for those that are forgotten."""
    changed = [form for form in formset.forms if form.has_changed() or form in formset.deleted_forms]
    rows = [(form.cleaned_data, form in formset.deleted_forms) for form in changed if form.cleaned_data.get("category")]
    return {row["category"]: None if is_deleted else row["external_name"] for row, is_deleted in rows}
