"""`/api/v1/products/imports/` and `/export/`."""

from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.models import Location
from pms_backend.access.caller import Caller
from pms_backend.access.scopes import INVENTORY_READ
from pms_backend.access.visibility import visibility_of
from pms_backend.api.endpoints import APIView, GenericViewSet
from pms_backend.api.exceptions import Forbidden
from pms_backend.api.filters import refuse_unknown
from pms_integration.files.bad_rows import bad_rows
from pms_integration.files.export_csv import csv_of
from pms_integration.files.export_json_lines import json_lines_of
from pms_integration.files.exports import ExportOptions
from pms_integration.files.limits import MAX_FORM_BYTES
from pms_integration.files.locations import location_of
from pms_integration.files.renderers import ByFormat, CSVRenderer, JSONLinesRenderer
from pms_integration.files.serializers import ImportInputSerializer, ImportSerializer, represent_import
from pms_integration.files.submission import StoredFile, start_import, take_file
from pms_integration.models import ImportJob

INVENTORY_WRITE: Final = "inventory:write"
_WRITERS: Final[dict[str, Callable[[ExportOptions], Iterator[bytes]]]] = {"csv": csv_of, "jsonl": json_lines_of}
_LOCATION: Final = OpenApiParameter("location", OpenApiTypes.STR, description="the code of the one with the quantities")


class ImportViewSet(GenericViewSet[ImportJob]):
    """Files on their way into the catalogue; each client sees its own, those inside all."""

    queryset = ImportJob.objects.select_related("location")
    serializer_class = ImportSerializer
    required_scopes = {"read": "products:read", "write": "products:write", "errors": "products:write"}
    parser_classes = (MultiPartParser,)
    max_form_bytes = MAX_FORM_BYTES
    lookup_value_regex = r"[0-9]{1,18}"
    pagination_class = None

    def get_queryset(self) -> QuerySet[ImportJob]:
        """What the caller may see."""
        jobs = ImportJob.objects.select_related("location")
        # The schema is made without a caller.
        client = None if self.request is None else self._client()
        return jobs if client is None else jobs.filter(client=client)

    def prepare(self, request: Request, **kwargs: Any) -> tuple[StoredFile, Location | None]:
        """The file, looked at and stored: the storage may be far away."""
        serializer = ImportInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = serializer.validated_data
        location = location_of(wanted.get("location"))
        may_set_stock = INVENTORY_WRITE in self._caller().scopes
        return take_file(upload=wanted["file"], format=wanted.get("format"), may_set_stock=may_set_stock), location

    @extend_schema(request=ImportInputSerializer, responses={202: ImportSerializer})
    def create(self, request: Request) -> Response:
        """Takes a CSV file with Shopify's or WooCommerce's columns, or JSON Lines, and imports it in the background."""
        file, location = self.prepared()
        job = start_import(file=file, location=location, client=self._caller().identity)
        return Response(represent_import(job, with_cost=visibility_of(request.auth).cost), status=202)

    @extend_schema(responses=ImportSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """How far it is, and what was wrong; another client's is a 404, except for `internal` callers."""
        return Response(represent_import(self.get_object(), with_cost=visibility_of(request.auth).cost))

    @extend_schema(
        responses={(200, CSVRenderer.media_type): OpenApiTypes.STR, 410: None},
    )
    @action(detail=True, renderer_classes=(CSVRenderer,), content_negotiation_class=ByFormat)
    def errors(self, request: Request, pk: str) -> HttpResponseBase:
        """The lines of the products that were left out, with what was wrong, as a CSV to mend and import again."""
        return _download(request, bad_rows(self.get_object()), CSVRenderer.media_type, f"import-{pk}-errors.csv")

    def _client(self) -> str | None:
        """Whose imports the caller may see; None for all."""
        caller = self._caller()
        return None if visibility_of(caller).others else caller.identity

    def _caller(self) -> Caller:
        caller: Any = self.request.auth
        return cast("Caller", caller)


class ExportView(APIView):
    """The catalogue as a file."""

    required_scopes = {"read": "products:read"}
    renderer_classes = (CSVRenderer, JSONLinesRenderer)
    content_negotiation_class = ByFormat

    @extend_schema(
        operation_id="products_export",
        parameters=[_LOCATION],
        responses={
            (200, CSVRenderer.media_type): OpenApiTypes.STR,
            (200, JSONLinesRenderer.media_type): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Drafts and active products in Shopify's columns, or as JSON Lines; an import of it changes nothing."""
        refuse_unknown(request, known={"format", "location"})
        renderer: Any = request.accepted_renderer
        content = _WRITERS[renderer.format](_export_options(request))
        return _download(request, content, renderer.media_type, f"products.{renderer.format}")


def _export_options(request: Request) -> ExportOptions:
    """Quantities are for those who may read stock, cost for those who see it."""
    code = request.query_params.get("location", "")
    sees_stock = INVENTORY_READ in request.auth.scopes  # type: ignore[union-attr]  # HasScope has seen a Caller
    if code and not sees_stock:
        raise Forbidden(f"Quantities need the scope {INVENTORY_READ}.")
    return ExportOptions(
        location=location_of(code) if sees_stock else None,
        with_quantity=sees_stock,
        with_cost=visibility_of(request.auth).cost,
        base_url=request.build_absolute_uri("/").rstrip("/"),
    )


def _download(request: Request, content: Iterator[bytes], content_type: str, name: str) -> HttpResponseBase:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    charset = f"{content_type}; charset=utf-8"
    if request.method == "HEAD":
        return HttpResponse(headers=headers, content_type=charset)
    return StreamingHttpResponse(content, headers=headers, content_type=charset)
