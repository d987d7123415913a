"""The tree of categories."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

# The name of a category, a product or a variant, and a slug or handle.
MAX_NAME_LENGTH = 255
# The number of levels of the tree.
MAX_CATEGORY_DEPTH = 10


class CategoryQuerySet(models.QuerySet["Category"]):
    """Categories with their position in the tree."""

    def with_path(self) -> "CategoryQuerySet":
        """Adds `path`, the slugs from the root down to the category, in the same statement."""
        path = RawSQL(_PATH_OF_CATEGORY, [], output_field=ArrayField(models.TextField()))  # noqa: S611 - constant text
        return self.select_related("parent").annotate(path=path)


_PATH_OF_CATEGORY = """
(WITH RECURSIVE up(slug, parent_id, height) AS (
    SELECT products_category.slug, products_category.parent_id, 0
    UNION ALL
    SELECT above.slug, above.parent_id, up.height + 1
    FROM up JOIN products_category AS above ON above.id = up.parent_id
)
SELECT array_agg(slug::text ORDER BY height DESC) FROM up)
"""


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
        return self.name
