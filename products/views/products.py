"""`/api/v1/products/` and `/bulk/`."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.access.cached_reads import Generations, cached_read
from pms_backend.access.scopes import read_write
from pms_backend.access.visibility import visibility_of
from pms_backend.api import bulk
from pms_backend.api.conditional import answer, etag_of, expected_version
from pms_backend.api.endpoints import APIView, GenericViewSet
from pms_backend.api.fast_validation import FastValidator
from pms_backend.api.filters import FilterBackend
from pms_backend.api.keyset import NEWEST_FIRST, KeysetPagination, Sorting
from pms_backend.api.parsers import JSONParser, MergePatchParser
from pms_backend.api.renderers import to_json
from pms_backend.api.response_cache import Made
from pms_backend.api.schema import BulkAnswerSerializer
from products import services
from products.cache_generations import detail_generations, list_generations
from products.exceptions import ProductNotFound
from products.filters import ProductFilter
from products.models import Product, ProductQuerySet, ProductStatus
from products.product_queries import (
    newest_product_rows,
    product_row,
    product_rows,
    products_of_rows,
    select_fields,
)
from products.search import query_of
from products.serializers import (
    BulkProductsSerializer,
    ProductInputSerializer,
    ProductSerializer,
    PublishSerializer,
    UnpublishSerializer,
)
from products.sorting import BEST_FIRST, SORTINGS, best_first, newest_matches

# Query parameters that neither select products nor sort them.
UNFILTERED_PARAMETERS: Final = FilterBackend.page_parameters | {"fields"}
_PRODUCTS: Final = FastValidator(BulkProductsSerializer())
FIELDS: Final = OpenApiParameter("fields", str, description="These alone, such as `id,name,variants.sku`")


class ProductViewSet(GenericViewSet[Product]):
    """Products with their variants and stock."""

    queryset = Product.objects.all()
    serializer_class = ProductInputSerializer
    filterset_class = ProductFilter
    pagination_class = KeysetPagination
    required_scopes = read_write("products")
    open_to_storefronts = frozenset({"list", "retrieve"})
    parser_classes = (JSONParser, MergePatchParser)
    lookup_value_regex = r"[0-9]{1,18}"
    cached_reads: ClassVar[Mapping[str, Generations]] = {"list": list_generations, "retrieve": detail_generations}
    has_etag = frozenset({"list", "retrieve", "create", "update", "partial_update", "restore", "publish", "unpublish"})
    takes_if_match = frozenset({"update", "partial_update", "destroy", "restore", "publish", "unpublish"})

    def get_queryset(self) -> ProductQuerySet:
        """What the caller may see: a storefront sees what is published."""
        products = Product.objects.all()
        return products if visibility_of(self.request.auth).unpublished else products.published()

    @extend_schema(responses=ProductSerializer(many=True))
    def list(self, request: Request) -> HttpResponse:
        """Products, newest first or in another `ordering`; drafts and active ones unless `status` says otherwise."""
        return cached_read(self, self._page)

    @extend_schema(responses=ProductSerializer, parameters=[FIELDS])
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """One product."""
        return cached_read(self, lambda: self._product(int(pk), request.query_params.get("fields", "")))

    @extend_schema(responses={201: ProductSerializer})
    def create(self, request: Request) -> HttpResponse:
        """Makes a product with its variants."""
        product = services.create_product(data=self._validated(request))
        return self._answer(product.pk, status=201)

    @extend_schema(responses=ProductSerializer)
    def partial_update(self, request: Request, pk: str) -> HttpResponse:
        """Merges the body into the product (RFC 7396); variants are known by `id` or `sku`, others are added."""
        product, _ = services.update_product(
            product_id=int(pk),
            data=self._validated(request, partial=True),
            expected_version=self._expected_version(pk),
        )
        return self._answer(product.pk)

    @extend_schema(responses=ProductSerializer)
    def update(self, request: Request, pk: str) -> HttpResponse:
        """Makes the product what the body says: left-out fields become their defaults, left-out variants archived."""
        product = services.replace_product(
            product_id=int(pk), data=self._validated(request), expected_version=self._expected_version(pk)
        )
        return self._answer(product.pk)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Archives the product; its stock and history stay."""
        services.archive_product(product_id=int(pk), expected_version=self._expected_version(pk))
        return Response(status=204)

    @extend_schema(request=None, responses=ProductSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> HttpResponse:
        """Brings an archived product back as a draft."""
        product = services.restore_product(product_id=int(pk), expected_version=self._expected_version(pk))
        return self._answer(product.pk)

    @extend_schema(request=PublishSerializer, responses=ProductSerializer)
    @action(detail=True, methods=["post"], serializer_class=PublishSerializer)
    def publish(self, request: Request, pk: str) -> HttpResponse:
        """Makes the product active, now or at `publish_at`, if it fulfils every publish rule; until `unpublish_at`."""
        product = services.publish_product(
            product_id=int(pk), **self._validated(request), expected_version=self._expected_version(pk)
        )
        return self._answer(product.pk)

    @extend_schema(request=UnpublishSerializer, responses=ProductSerializer)
    @action(detail=True, methods=["post"], serializer_class=UnpublishSerializer)
    def unpublish(self, request: Request, pk: str) -> HttpResponse:
        """Makes an active product a draft again, now or at `unpublish_at`."""
        product = services.unpublish_product(
            product_id=int(pk), **self._validated(request), expected_version=self._expected_version(pk)
        )
        return self._answer(product.pk)

    def _validated(self, request: Request, *, partial: bool = False) -> dict[str, Any]:
        serializer = self.get_serializer(data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def _expected_version(self, pk: str) -> int | None:
        versions = Product.objects.filter(pk=int(pk)).values_list("version", flat=True)
        return expected_version(self.request, versions.first)

    def _answer(self, product_id: int, status: int = 200) -> HttpResponse:
        body, version = self._product(product_id)
        return answer(self.request, body, etag_of(body, version), status=status)

    def get_sorting(self) -> Sorting:
        """The order that is asked for; a search without one is answered best first."""
        asked = self.request.query_params
        if ordering := asked.get("ordering"):
            return SORTINGS[ordering]
        query = query_of(asked.get("search", ""))
        return NEWEST_FIRST if query is None else best_first(query)

    def _page(self) -> Made:
        visibility, asked = visibility_of(self.request.auth), self.request.query_params
        selection = select_fields(visibility, asked.get("fields", ""))
        paginator = KeysetPagination()
        if set(asked) - UNFILTERED_PARAMETERS:
            rows = paginator.paginate_queryset(product_rows(self._found(), selection), self.request, view=self)
        else:
            # Neither a form nor a QuerySet, which would take longer than the statement.
            read = partial(newest_product_rows, selection, only_published=not visibility.unpublished)
            rows = paginator.paginate(self.request, NEWEST_FIRST, read)
        return to_json(paginator.page_of(products_of_rows(rows, selection, origin=self._origin()))), None

    def _found(self) -> QuerySet[Product]:
        found = self.filter_queryset(self.get_queryset())
        return newest_matches(found) if self.get_sorting().name == BEST_FIRST else found

    def _product(self, product_id: int, fields: str = "") -> Made:
        visibility = visibility_of(self.request.auth)
        selection = select_fields(visibility, fields)
        row = product_row(product_id, selection)
        if row is None or not (row[0] == ProductStatus.ACTIVE or visibility.unpublished):
            raise ProductNotFound(f"There is no product {product_id}.")
        (product,) = products_of_rows([row], selection, origin=self._origin())
        return to_json(product), row[1]

    def _origin(self) -> str:
        return f"{self.request.scheme}://{self.request.get_host()}"


class BulkProductsView(APIView):
    """Products, up to 1,000 at a time."""

    required_scopes = read_write("products")

    @extend_schema(request=BulkProductsSerializer, responses=BulkAnswerSerializer)
    def post(self, request: Request) -> Response:
        """Creates or updates each product by its SKUs, or with `atomic` all or none."""
        return bulk.respond(
            request,
            envelope=_PRODUCTS,
            member="products",
            row=ProductInputSerializer(),
            apply=lambda rows, atomic: services.upsert_products(rows=rows, atomic=atomic),
        )
