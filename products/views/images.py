"""`/api/v1/products/{id}/images/` and `/images/uploads/`."""

from dataclasses import asdict
from functools import partial
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.access.caller import Caller
from pms_backend.access.scopes import read_write
from pms_backend.access.visibility import visibility_of
from pms_backend.api.endpoints import APIView, GenericViewSet
from pms_backend.api.idempotency import is_multipart
from pms_backend.api.outbound_urls import check_outbound_url
from pms_backend.api.parsers import JSONParser, MergePatchParser
from products import services
from products.exceptions import ProductNotFound
from products.images.limits import MAX_IMAGE_BODY_BYTES
from products.images.serializers import (
    ImageChangeSerializer,
    ImageDetailSerializer,
    ImageFileSerializer,
    ImageListSerializer,
    ImageSourceSerializer,
    UploadRequestSerializer,
    UploadSerializer,
)
from products.models import ImageStatus, Product, ProductImage
from products.representation import represent_image


class ProductImageViewSet(GenericViewSet[ProductImage]):
    """The pictures of a product, in their order."""

    queryset = ProductImage.objects.select_related("image_file")
    serializer_class = ImageChangeSerializer
    pagination_class = None
    required_scopes = read_write("products")
    open_to_storefronts = frozenset({"list"})
    parser_classes = (JSONParser, MergePatchParser, MultiPartParser)
    max_form_bytes = MAX_IMAGE_BODY_BYTES
    lookup_value_regex = r"[0-9]{1,18}"
    http_method_names = ("get", "post", "patch", "delete", "head", "options")
    may_answer = {503: "unavailable; `image_decoder_busy`: another picture is being decoded, see Retry-After"}

    def get_queryset(self) -> QuerySet[ProductImage]:
        """Those of the product that the caller sees; a shop's pages see what is ready."""
        images = super().get_queryset().filter(product=self._product()).order_by("position", "pk")
        return images if self._sees_all() else images.filter(status=ImageStatus.READY)

    @extend_schema(responses=ImageListSerializer)
    def list(self, request: Request, product: str) -> Response:
        """All of them: a product has at most 250."""
        images = self.filter_queryset(self.get_queryset())
        return Response({"results": [self._represent(image) for image in images]})

    def prepare(self, request: Request, **kwargs: Any) -> Any:
        """Checks a new picture and stores it, before the transaction in which it becomes the product's."""
        if self.action != "create":
            return None
        serializer = (ImageFileSerializer if is_multipart(request) else ImageSourceSerializer)(data=request.data)
        serializer.is_valid(raise_exception=True)
        more = dict(serializer.validated_data)
        product_id = self._product().pk
        if url := more.pop("url", None):
            check_outbound_url(url)
            return partial(services.add_image_url, product_id=product_id, url=url, **more)
        if upload := more.get("upload"):
            stored = services.store_upload(public_id=upload, identity=_identity(request))
        else:
            stored = services.store_picture(data=_read(more.pop("file")))
        return partial(services.add_image, product_id=product_id, stored=stored, **more)

    @extend_schema(
        request={"multipart/form-data": ImageFileSerializer, "application/json": ImageSourceSerializer},
        responses={200: ImageDetailSerializer, 201: ImageDetailSerializer},
    )
    def create(self, request: Request, product: str) -> Response:
        """Adds a picture: a file, an `upload` that was sent, or a `url` that is fetched afterwards (`status`).

        200 with the one that is there where the product has it already.
        """
        image, is_new = self.prepared()()
        return Response(self._represent(image), status=201 if is_new else 200)

    @extend_schema(responses=ImageDetailSerializer)
    def partial_update(self, request: Request, product: str, pk: str) -> Response:
        """Changes `alt` and `position`; others stay, and of two at one position the older comes first."""
        serializer = self.get_serializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        image = services.update_image(product_id=int(product), image_id=int(pk), **serializer.validated_data)
        return Response(self._represent(image))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, product: str, pk: str) -> Response:
        """Takes the picture from the product."""
        services.delete_image(product_id=int(product), image_id=int(pk))
        return Response(status=204)

    def _product(self) -> Product:
        products = Product.objects.all() if self._sees_all() else Product.objects.published()
        product = products.filter(pk=self.kwargs["product"]).only("pk").first()
        if product is None:
            raise ProductNotFound(f"There is no product {self.kwargs['product']}.")
        return product

    def _sees_all(self) -> bool:
        return visibility_of(self.request.auth).unpublished

    def _represent(self, image: ProductImage) -> dict[str, Any]:
        origin = self.request.build_absolute_uri("/").removesuffix("/")
        return represent_image(image, origin=origin, with_source=self._sees_all())


class ImageUploadView(APIView):
    """Direct uploads to the bucket."""

    required_scopes = read_write("products")
    # The URL of the response gives write access, so it is not stored.
    supports_idempotency = False

    @extend_schema(request=UploadRequestSerializer, responses={201: UploadSerializer})
    def post(self, request: Request) -> Response:
        """Where to PUT a picture of this type and size; then add it to a product as an `upload`, once.

        409 `direct_uploads_unavailable` where files are kept on the server itself.
        """
        serializer = UploadRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        upload = services.create_upload(
            identity=_identity(request),
            content_type=serializer.validated_data["content_type"],
            size_bytes=serializer.validated_data["size"],
        )
        return Response(asdict(upload), status=201)


def _identity(request: Request) -> str:
    caller: Caller = request.auth  # type: ignore[assignment]  # set by the authentication, which the permission requires
    return caller.identity


def _read(file: Any) -> bytes:
    # The digest for an Idempotency-Key has read the file to its end.
    file.seek(0)
    return bytes(file.read(MAX_IMAGE_BODY_BYTES))
