"""`/api/v1/products/categories/`."""

from rest_framework import mixins

from pms_backend.access.scopes import read_write
from pms_backend.api.endpoints import GenericViewSet
from pms_backend.api.parsers import JSONParser, MergePatchParser
from pms_backend.api.serializers import BaseSerializer
from products import services
from products.filters import CategoryFilter
from products.models import Category
from products.serializers import CategorySerializer


class CategoryViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.CreateModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    GenericViewSet[Category],
):
    """The category tree: each names its parent, and its path from the root."""

    queryset = Category.objects.with_path()
    serializer_class = CategorySerializer
    filterset_class = CategoryFilter
    required_scopes = read_write("products")
    open_to_storefronts = frozenset({"list", "retrieve"})
    parser_classes = (JSONParser, MergePatchParser)
    lookup_field = "slug"
    lookup_value_regex = r"[\w-]+"
    http_method_names = ("get", "post", "patch", "delete", "head", "options")

    def perform_create(self, serializer: BaseSerializer[Category]) -> None:
        """Makes one."""
        self._show(serializer, services.create_category(**serializer.validated_data))

    def perform_update(self, serializer: BaseSerializer[Category]) -> None:
        """Renames or moves one."""
        self._show(serializer, services.update_category(category=self.get_object(), **serializer.validated_data))

    def perform_destroy(self, instance: Category) -> None:
        """Removes an empty one."""
        services.delete_category(category=instance)

    def _show(self, serializer: BaseSerializer[Category], category: Category) -> None:
        serializer.instance = self.get_queryset().get(pk=category.pk)
