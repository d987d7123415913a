"""The admin of the category tree."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextInputWidget

from pms_backend.access.history_pages import HistoryPages
from pms_backend.api.service_admin import REFUSALS, ServiceAdmin, ServiceForm
from products import services
from products.models import MAX_NAME_LENGTH, Category


class CategoryForm(ServiceForm):
    """A category; a new one without a slug gets it from its name."""

    slug = forms.SlugField(
        max_length=MAX_NAME_LENGTH,
        allow_unicode=True,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="What the API calls it; left empty, it is made of the name.",
    )

    def clean_slug(self) -> str:
        """Keeps the present slug if the field is empty."""
        slug: str = self.cleaned_data["slug"]
        return slug or self.instance.slug


@admin.register(Category)
class CategoryAdmin(HistoryPages, ServiceAdmin):
    """The category tree."""

    history_kind = "category"
    form = CategoryForm
    fields = ("name", "slug", "parent")
    list_display = ("name", "slug", "parent")
    list_select_related = ("parent",)
    search_fields = ("name", "slug")
    search_help_text = "Name or slug"
    autocomplete_fields = ("parent",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follows Django's permissions; the service refuses to delete categories in use."""
        return request.user.has_perm("products.delete_category")

    def write(self, request: HttpRequest, obj: Category, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Creates, renames or moves the category."""
        if not change:
            obj.pk = services.create_category(**form.cleaned_data).pk
        elif form.changed_data:
            values = {name: form.cleaned_data[name] for name in form.changed_data}
            # `obj` has the values of the form already, but the service compares them with the stored row.
            services.update_category(category=Category.objects.get(pk=obj.pk), **values)

    def delete_model(self, request: HttpRequest, obj: Category) -> None:
        """Deletes an empty category."""
        services.delete_category(category=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Category]) -> None:
        """Deletes empty categories."""
        for category in queryset:
            try:
                services.delete_category(category=category)
            except REFUSALS as error:
                messages.error(request, f"{category.name} stays: {error}")
