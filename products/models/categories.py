"""The tree of categories."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

# The name of a category, a product or a variant, and a slug or handle.
MAX_NAME_LENGTH = 255
# The number of levels of the tree.
MAX_CATEGORY_DEPTH = 10
# Between the names of a path.
SEPARATOR = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


class CategoryQuerySet(models.QuerySet["Category"]):
    """Categories with their position in the tree."""

    def with_path(self) -> "CategoryQuerySet":
        """Adds `path`, the slugs from the root down to the category, in the same statement."""
        return self.select_related("parent").annotate(path=_from_the_root("slug"))

    def in_tree_order(self) -> "CategoryQuerySet":
        """Each category before those below it, siblings by name; adds `names_from_root`."""
        return self.annotate(names_from_root=TREE_ORDER).order_by("names_from_root")

    def with_counts(self) -> "CategoryQuerySet":
        """Adds `children_count`, and `products_count` with the products of all categories below."""
        return self.annotate(
            children_count=models.Func("pk", template=_COUNT_CHILDREN, output_field=models.BigIntegerField()),
            products_count=models.Func("pk", template=_COUNT_PRODUCTS, output_field=models.BigIntegerField()),
        )


def _from_the_root(column: str) -> models.Func:
    template = _FROM_THE_ROOT.replace("{column}", column)
    return models.Func("pk", template=template, output_field=ArrayField(models.TextField()))


# These name no table of the outer statement, which has another alias in a subquery.
_FROM_THE_ROOT = """
(WITH RECURSIVE up(value, parent_id, height) AS (
    SELECT start.{column}, start.parent_id, 0 FROM products_category AS start WHERE start.id = %(expressions)s
    UNION ALL
    SELECT above.{column}, above.parent_id, up.height + 1
    FROM up JOIN products_category AS above ON above.id = up.parent_id
)
SELECT array_agg(value::text ORDER BY height DESC) FROM up)
"""
_COUNT_CHILDREN = "(SELECT count(*) FROM products_category AS child WHERE child.parent_id = %(expressions)s)"
_COUNT_PRODUCTS = """
(WITH RECURSIVE below(id) AS (
    SELECT %(expressions)s
    UNION ALL
    SELECT category.id FROM products_category AS category JOIN below ON category.parent_id = below.id
)
SELECT count(*) FROM products_product AS product WHERE product.category_id IN (SELECT id FROM below))
"""
TREE_ORDER = _from_the_root("name")


class Category(models.Model):
    """A node of the tree into which products are sorted."""

    name = models.CharField(_("name"), max_length=MAX_NAME_LENGTH)
    slug = models.SlugField(_("slug"), max_length=MAX_NAME_LENGTH, unique=True, allow_unicode=True)
    parent = models.ForeignKey(
        "self", verbose_name=_("parent"), null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )

    objects = CategoryQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        constraints = [
            models.CheckConstraint(
                name="products_category_not_its_own_parent", condition=~models.Q(parent=models.F("id"))
            ),
        ]

    def __str__(self) -> str:
        """The path from the root where it was read `in_tree_order`, else the name."""
        return SEPARATOR.join(self.names)

    @property
    def names(self) -> list[str]:
        """The names from the root down to its own, where it was read `in_tree_order`; else its own alone."""
        names: list[str] = vars(self).get("names_from_root", [self.name])
        return names
