"""`/api/v1/products/variants/`: one variant by itself."""

from collections.abc import Mapping
from typing import ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from pms_backend.access.cached_reads import Generations, cached_read
from pms_backend.access.scopes import read_write
from pms_backend.access.visibility import visibility_of
from pms_backend.api.conditional import answer, etag_of, expected_version
from pms_backend.api.endpoints import GenericViewSet
from pms_backend.api.keyset import NEWEST_FIRST, KeysetPagination, Sorting
from pms_backend.api.parsers import JSONParser, MergePatchParser
from pms_backend.api.renderers import to_json
from pms_backend.api.response_cache import Made
from products import services
from products.cache_generations import list_generations
from products.exceptions import VariantNotFound
from products.filters import VariantFilter
from products.models import ProductStatus, Variant
from products.product_queries import select_fields, variant_of_row, variant_row, variant_rows
from products.serializers import SingleVariantSerializer, VariantPatchSerializer
from products.sorting import BY_UPDATED_AT


class VariantViewSet(GenericViewSet[Variant]):
    """Variants with their stock: a price without the rest."""

    queryset = Variant.objects.all()
    serializer_class = VariantPatchSerializer
    filterset_class = VariantFilter
    pagination_class = KeysetPagination
    required_scopes = read_write("products")
    open_to_storefronts = frozenset({"list", "retrieve"})
    parser_classes = (JSONParser, MergePatchParser)
    lookup_value_regex = r"[0-9]{1,18}"
    cached_reads: ClassVar[Mapping[str, Generations]] = {"list": list_generations, "retrieve": list_generations}
    has_etag = frozenset({"list", "retrieve", "partial_update"})
    takes_if_match = frozenset({"partial_update"})

    def get_queryset(self) -> QuerySet[Variant]:
        """What the caller may see: a storefront sees the current variants of what is published."""
        variants = super().get_queryset()
        if visibility_of(self.request.auth).unpublished:
            return variants
        return variants.filter(product__status=ProductStatus.ACTIVE, is_archived=False)

    def get_sorting(self) -> Sorting:
        """Newest first, or in the order that is asked for."""
        return BY_UPDATED_AT.get(self.request.query_params.get("ordering", ""), NEWEST_FIRST)

    @extend_schema(responses=SingleVariantSerializer(many=True))
    def list(self, request: Request) -> HttpResponse:
        """Variants, newest first: current ones of drafts and active products."""
        return cached_read(self, self._page)

    @extend_schema(responses=SingleVariantSerializer)
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """One variant, archived or not."""
        return cached_read(self, lambda: self._variant(int(pk)))

    @extend_schema(responses=SingleVariantSerializer)
    def partial_update(self, request: Request, pk: str) -> HttpResponse:
        """Merges the body into the variant (RFC 7396); an archived one comes back with it."""
        serializer = self.get_serializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        versions = Variant.objects.filter(pk=int(pk)).values_list("product__version", flat=True)
        services.update_variant(
            variant_id=int(pk),
            data=dict(serializer.validated_data),
            expected_version=expected_version(request, versions.first),
        )
        body, version = self._variant(int(pk))
        return answer(request, body, etag_of(body, version))

    def _page(self) -> Made:
        selection = select_fields(visibility_of(self.request.auth))
        current = self.get_queryset().filter(is_archived=False).exclude(product__status=ProductStatus.ARCHIVED)
        page = self.paginate_queryset(variant_rows(self.filter_queryset(current), selection)) or ()
        return to_json(self.get_paginated_response([variant_of_row(row, selection) for row in page]).data), None

    def _variant(self, variant_id: int) -> Made:
        visibility = visibility_of(self.request.auth)
        selection = select_fields(visibility)
        row = variant_row(variant_id, selection, only_published=not visibility.unpublished)
        if row is None:
            raise VariantNotFound(f"There is no variant {variant_id}.")
        variant = variant_of_row(row, selection)
        return to_json(variant), variant["version"]
