"""`/api/v1/products/` and `/bulk/`."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.access.scopes import read_write
from pms_backend.access.visibility import visibility_of
from pms_backend.api import bulk
from pms_backend.api.endpoints import APIView, GenericViewSet
from pms_backend.api.parsers import JSONParser, MergePatchParser
from pms_backend.api.schema import BulkAnswerSerializer
from products import services
from products.exceptions import ProductNotFound
from products.filters import ProductFilter
from products.models import Product
from products.queries import with_variants_and_stock
from products.representation import StockShown, represent_product
from products.serializers import (
    BulkProductsSerializer,
    ProductInputSerializer,
    ProductSerializer,
    PublishSerializer,
    UnpublishSerializer,
)


class ProductViewSet(GenericViewSet[Product]):
    """Products with their variants and stock."""

    queryset = Product.objects.all()
    serializer_class = ProductInputSerializer
    filterset_class = ProductFilter
    required_scopes = read_write("products")
    open_to_storefronts = frozenset({"list", "retrieve"})
    parser_classes = (JSONParser, MergePatchParser)
    lookup_value_regex = r"[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[Product]:
        """What the caller may see: a storefront sees what is published."""
        products = super().get_queryset()
        return products if visibility_of(self.request.auth).unpublished else products.published()  # type: ignore[attr-defined]

    @extend_schema(responses=ProductSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Products, newest first; drafts and active ones unless `status` says otherwise."""
        page = self.paginate_queryset(with_variants_and_stock(self.filter_queryset(self.get_queryset())))
        return self.get_paginated_response([self._represent(product) for product in page or ()])

    @extend_schema(responses=ProductSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One product."""
        return self._answer(int(pk))

    @extend_schema(responses={201: ProductSerializer})
    def create(self, request: Request) -> Response:
        """Makes a product with its variants."""
        product = services.create_product(data=self._validated(request))
        return self._answer(product.pk, status=201)

    @extend_schema(responses=ProductSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Merges the body into the product (RFC 7396); variants are known by `id` or `sku`, others are added."""
        product, _ = services.update_product(product_id=int(pk), data=self._validated(request, partial=True))
        return self._answer(product.pk)

    @extend_schema(responses=ProductSerializer)
    def update(self, request: Request, pk: str) -> Response:
        """Makes the product what the body says: left-out fields become their defaults, left-out variants archived."""
        return self._answer(services.replace_product(product_id=int(pk), data=self._validated(request)).pk)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Archives the product; its stock and history stay."""
        services.archive_product(product_id=int(pk))
        return Response(status=204)

    @extend_schema(request=None, responses=ProductSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Brings an archived product back as a draft."""
        return self._answer(services.restore_product(product_id=int(pk)).pk)

    @extend_schema(request=PublishSerializer, responses=ProductSerializer)
    @action(detail=True, methods=["post"], serializer_class=PublishSerializer)
    def publish(self, request: Request, pk: str) -> Response:
        """Makes the product active, now or at `publish_at`, if it fulfils every publish rule; until `unpublish_at`."""
        return self._answer(services.publish_product(product_id=int(pk), **self._validated(request)).pk)

    @extend_schema(request=UnpublishSerializer, responses=ProductSerializer)
    @action(detail=True, methods=["post"], serializer_class=UnpublishSerializer)
    def unpublish(self, request: Request, pk: str) -> Response:
        """Makes an active product a draft again, now or at `unpublish_at`."""
        return self._answer(services.unpublish_product(product_id=int(pk), **self._validated(request)).pk)

    def _validated(self, request: Request, *, partial: bool = False) -> dict[str, Any]:
        serializer = self.get_serializer(data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def _answer(self, product_id: int, status: int = 200) -> Response:
        product = with_variants_and_stock(self.get_queryset()).filter(pk=product_id).first()
        if product is None:
            raise ProductNotFound(f"There is no product {product_id}.")
        return Response(self._represent(product), status=status)

    def _represent(self, product: Product) -> dict[str, Any]:
        visibility = visibility_of(self.request.auth)
        stock = StockShown.ALL if visibility.ledger else StockShown.AVAILABLE
        return represent_product(product, list(product.variants.all()), with_cost=visibility.cost, stock=stock)


class BulkProductsView(APIView):
    """Products, up to 1,000 at a time."""

    required_scopes = read_write("products")

    @extend_schema(request=BulkProductsSerializer, responses=BulkAnswerSerializer)
    def post(self, request: Request) -> Response:
        """Creates or updates each product by its SKUs, or with `atomic` all or none."""
        return bulk.respond(
            request,
            envelope=BulkProductsSerializer,
            member="products",
            row=ProductInputSerializer(),
            apply=lambda rows, atomic: services.upsert_products(rows=rows, atomic=atomic),
        )
