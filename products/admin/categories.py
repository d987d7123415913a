"""The admin of the category tree, and how other pages choose from it."""

from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin, messages
from django.db.models import F, Func, Q, QuerySet, TextField, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from pms_backend.access.history_pages import HistoryPages
from pms_backend.api.admin_tables import EXTRA, MAIN_NUMBER, NAME, NUMBER, link
from pms_backend.api.service_admin import REFUSALS, ServiceAdmin, ServiceForm
from pms_backend.api.typed_unfold import display
from products import services
from products.models import MAX_NAME_LENGTH, TREE_ORDER, Category
from products.queries import categories_below

# The value of the filter for products without a category; no slug has parentheses.
NO_CATEGORY: Final = "(none)"
_INDENT: Final = "\N{EM SPACE}"


class CategoryFilter(admin.SimpleListFilter):
    """Products of a category and of all below it, as the API filters them; it leads down the tree level by level."""

    title = gettext_lazy("category")
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The categories from the root to the chosen one, and those right below it, indented."""
        chosen = Category.objects.with_path().filter(slug=self.value() or "").first()
        shown = Q(parent=chosen) | Q(slug__in=chosen.path) if chosen else Q(parent=None)  # type: ignore[attr-defined]  # annotated
        found = Category.objects.in_tree_order().filter(shown)
        choices = [(one.slug, _INDENT * (len(one.names) - 1) + one.name) for one in found]
        return [*choices, (NO_CATEGORY, _("Without a category"))] if choices else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Products of the chosen category and of all below it."""
        chosen = self.value()
        if not chosen:
            return queryset
        if chosen == NO_CATEGORY:
            return queryset.filter(category=None)
        return queryset.filter(category__in=categories_below(chosen))


class CategoryForm(ServiceForm):
    """A category; a new one without a slug gets it from its name."""

    slug = forms.SlugField(
        label=gettext_lazy("Slug"),
        max_length=MAX_NAME_LENGTH,
        allow_unicode=True,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("What the API calls it; left empty, it is made of the name."),
    )

    def clean_slug(self) -> str:
        """Keeps the present slug if the field is empty."""
        slug: str = self.cleaned_data["slug"]
        return slug or self.instance.slug


class ChoosesCategory(ServiceAdmin):
    """A page on which a category is chosen, by its whole path."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The field; the chosen category is shown with its path, as the search shows those that it finds."""
        if db_field.related_model is Category:
            kwargs.setdefault("queryset", Category.objects.in_tree_order())
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Category)
class CategoryAdmin(HistoryPages, ChoosesCategory):
    """The category tree."""

    history_kind = "category"
    form = CategoryForm
    fields = ("name", "slug", "parent")
    list_display = ("in_tree", "products", "children", "slug")
    column_kinds: ClassVar = {
        "in_tree": NAME,
        "path": NAME,
        "products": MAIN_NUMBER,
        "children": NUMBER,
        "slug": EXTRA,
    }
    # Names what is searched; `get_search_results` searches.
    search_fields = ("name", "slug")
    search_help_text = gettext_lazy("Words of the path, or of the slug")
    empty_text = gettext_lazy("Add one, or import products with their categories.")
    autocomplete_fields = ("parent",)

    def get_ordering(self, request: HttpRequest) -> Any:
        """That of the tree."""
        return (TREE_ORDER,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        """The categories in the order of the tree."""
        return Category.objects.in_tree_order().with_counts()

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The columns; for found categories, whose parents are not shown, with the whole path."""
        columns: list[Any] = [*super().get_list_display(request)]
        return ["path", *columns[1:]] if request.GET.get("q") else columns

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """The categories with every word in their path or in their slug."""
        path = Func(F("names_from_root"), Value(" "), function="array_to_string", output_field=TextField())
        found = queryset.alias(path_text=path)
        for word in search_term[:MAX_NAME_LENGTH].split():
            found = found.filter(Q(path_text__icontains=word) | Q(slug__icontains=word))
        return found, False

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
                messages.error(request, _("%(name)s stays: %(why)s") % {"name": category.name, "why": error})

    @display(description=gettext_lazy("Category"))
    def in_tree(self, category: Category) -> SafeString:
        """The name, indented by its level."""
        indent = 1.5 * (len(category.names) - 1)
        return format_html('<span title="{}" style="padding-left: {}rem">{}</span>', category, indent, category.name)

    @display(description=gettext_lazy("Category"))
    def path(self, category: Category) -> str:
        """The whole path."""
        return str(category)

    @display(description=gettext_lazy("Products"))
    def products(self, category: Any) -> SafeString:
        """How many products the category and those below it have; a link to them."""
        url = reverse("admin:products_product_changelist", query={"category": category.slug})
        return link(url, category.products_count)

    @display(description=gettext_lazy("Subcategories"))
    def children(self, category: Any) -> Any:
        """The number of categories right below it."""
        return category.children_count
