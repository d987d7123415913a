"""`/api/v1/products/variants/`: one variant by itself."""

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from pms_backend.access.scopes import read_write
from pms_backend.access.visibility import visibility_of
from pms_backend.api.endpoints import GenericViewSet
from pms_backend.api.keyset import NEWEST_FIRST, KeysetPagination, Sorting
from pms_backend.api.renderers import JSONRenderer, to_json
from products.exceptions import VariantNotFound
from products.filters import VariantFilter
from products.models import ProductStatus, Variant
from products.reading import Shown, read_variant, shown_to, variant_rows
from products.serializers import SingleVariantSerializer
from products.sorting import BY_UPDATED_AT


class VariantViewSet(GenericViewSet[Variant]):
    """Variants with their stock: a price without the rest."""

    queryset = Variant.objects.all()
    serializer_class = SingleVariantSerializer
    filterset_class = VariantFilter
    pagination_class = KeysetPagination
    required_scopes = read_write("products")
    open_to_storefronts = frozenset({"list", "retrieve"})
    lookup_value_regex = r"[0-9]{1,18}"

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
        shown = self._shown()
        current = self.get_queryset().filter(is_archived=False).exclude(product__status=ProductStatus.ARCHIVED)
        page = self.paginate_queryset(variant_rows(self.filter_queryset(current), shown)) or ()
        return self._respond(to_json(self.get_paginated_response([read_variant(row, shown) for row in page]).data))

    @extend_schema(responses=SingleVariantSerializer)
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """One variant, archived or not."""
        return self._respond(self._variant(int(pk)))

    def _respond(self, body: bytes, status: int = 200) -> HttpResponse:
        return HttpResponse(body, status=status, content_type=JSONRenderer.media_type)

    def _variant(self, variant_id: int) -> bytes:
        shown = self._shown()
        for row in variant_rows(self.get_queryset().filter(pk=variant_id).order_by(), shown):
            return to_json(read_variant(row, shown))
        raise VariantNotFound(f"There is no variant {variant_id}.")

    def _shown(self) -> Shown:
        return shown_to(visibility_of(self.request.auth), base_url="")
