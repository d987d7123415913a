"""`/api/v1/products/categories/`."""

from rest_framework import mixins
from rest_framework.serializers import BaseSerializer

from pms_backend.access.scopes import read_write
from pms_backend.api.endpoints import GenericViewSet
from pms_backend.api.parsers import JSONParser, MergePatchParser
from products import services
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
    """The category tree: each names its parent."""

    queryset = Category.objects.select_related("parent")
    serializer_class = CategorySerializer
    required_scopes = read_write("products")
    open_to_storefronts = frozenset({"list", "retrieve"})
    parser_classes = (JSONParser, MergePatchParser)
    lookup_field = "slug"
    lookup_value_regex = r"[\w-]+"
    http_method_names = ("get", "post", "patch", "delete", "head", "options")

    def perform_create(self, serializer: BaseSerializer[Category]) -> None:
        """Makes one."""
        serializer.instance = services.create_category(**serializer.validated_data)

    def perform_update(self, serializer: BaseSerializer[Category]) -> None:
        """Renames or moves one."""
        serializer.instance = services.update_category(category=self.get_object(), **serializer.validated_data)

    def perform_destroy(self, instance: Category) -> None:
        """Removes an empty one."""
        services.delete_category(category=instance)
