"""`/api/v1/products/imports/` and `/export/`."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import MultiPartParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.models import Location
from pms_backend.access.caller import Caller
from pms_backend.access.scopes import INVENTORY_READ
from pms_backend.access.visibility import visibility_of
from pms_backend.api import serializers
from pms_backend.api.endpoints import APIView, GenericViewSet, ListAPIView
from pms_backend.api.exceptions import Forbidden
from pms_backend.api.filters import refuse_unknown
from pms_backend.api.renderers import JSONRenderer
from pms_integration.files import services
from pms_integration.files.bad_rows import bad_rows
from pms_integration.files.exports import EXPORTS, ExportOptions
from pms_integration.files.limits import MAX_FORM_BYTES
from pms_integration.files.serializers import (
    ImportInputSerializer,
    ImportResultSerializer,
    ImportSerializer,
    represent_import,
)
from pms_integration.files.services.jobs import StoredFile
from pms_integration.filters import ImportResultFilter
from pms_integration.models import ImportJob, ImportResult

INVENTORY_WRITE: Final = "inventory:write"
_LOCATION: Final = OpenApiParameter("location", OpenApiTypes.STR, description="the code of the one with the quantities")


class CSVRenderer(JSONRenderer):
    """CSV. The view streams the file; only error responses are rendered, as JSON."""

    media_type = "text/csv"
    format = "csv"


class JSONLinesRenderer(JSONRenderer):
    """JSON Lines, streamed like CSV."""

    media_type = "application/jsonl"
    format = "jsonl"


class FormatNegotiation(DefaultContentNegotiation):
    """Chooses by `?format=` only, by default the first renderer, since browsers do not accept either type."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The renderer and its media type; JSON for OPTIONS. Raises `ValidationError` for an unknown format."""
        if request.method == "OPTIONS":
            return JSONRenderer(), JSONRenderer.media_type
        known = {str(renderer.format): renderer for renderer in renderers}
        wanted = request.query_params.get("format", next(iter(known)))
        if wanted not in known:
            raise serializers.ValidationError({"format": f"One of {', '.join(known)}."}, code="invalid_choice")
        return known[wanted], known[wanted].media_type


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
        """The imports of the caller; all of them for `internal` callers."""
        jobs = ImportJob.objects.select_related("location").defer("planned_categories")
        # The OpenAPI schema is generated without a request.
        return jobs if self.request is None else _visible(jobs, self._caller())

    def prepare(self, request: Request, **kwargs: Any) -> tuple[StoredFile, Location | None, bool]:
        """Stores the file before the transaction begins, since the storage may be slow."""
        serializer = ImportInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = serializer.validated_data
        location = services.location_of(wanted.get("location"))
        may_set_stock = INVENTORY_WRITE in self._caller().scopes
        file = services.store_file(upload=wanted["file"], format=wanted.get("format"), may_set_stock=may_set_stock)
        return file, location, wanted.get("dry_run", False)

    @extend_schema(request=ImportInputSerializer, responses={202: ImportSerializer})
    def create(self, request: Request) -> Response:
        """Takes a CSV file with Shopify's or WooCommerce's columns, or JSON Lines, and imports it in the background.

        With `dry_run` it is a preview, which says what an import would do, and writes nothing.
        """
        file, location, dry_run = self.prepared()
        job = services.create_import(file=file, location=location, client=self._caller().identity, dry_run=dry_run)
        return Response(represent_import(job, with_cost=visibility_of(request.auth).cost), status=202)

    @extend_schema(responses=ImportSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """How far it is, and what was wrong; another client's is a 404, except for `internal` callers."""
        return Response(represent_import(self.get_object(), with_cost=visibility_of(request.auth).cost))

    @extend_schema(
        responses={(200, CSVRenderer.media_type): OpenApiTypes.STR, 410: None},
    )
    @action(detail=True, renderer_classes=(CSVRenderer,), content_negotiation_class=FormatNegotiation)
    def errors(self, request: Request, pk: str) -> HttpResponseBase:
        """The lines of the products that were left out, with what was wrong, as a CSV to mend and import again."""
        return _download(request, bad_rows(self.get_object()), CSVRenderer.media_type, f"import-{pk}-errors.csv")

    def _caller(self) -> Caller:
        caller: Any = self.request.auth
        return cast("Caller", caller)


def _visible(jobs: QuerySet[ImportJob], caller: Any) -> QuerySet[ImportJob]:
    """The imports that the caller may see."""
    return jobs if visibility_of(caller).others else jobs.filter(client=caller.identity)


class ImportChangesView(ListAPIView[ImportResult]):
    """What an import has done with each product, or as a preview would do."""

    queryset = ImportResult.objects.all()
    serializer_class = ImportResultSerializer
    filterset_class = ImportResultFilter
    required_scopes = {"read": "products:read"}
    ordering = "id"

    def get_queryset(self) -> QuerySet[ImportResult]:
        """The results of the import in the path."""
        job = get_object_or_404(_visible(ImportJob.objects.only("pk"), self.request.auth), pk=self.kwargs["pk"])
        results: QuerySet[ImportResult] = super().get_queryset().filter(job=job)
        return results

    def get_serializer_context(self) -> dict[str, Any]:
        """With what the caller may see."""
        caller: Any = self.request.auth
        seen = {"with_cost": visibility_of(caller).cost, "with_stock": INVENTORY_READ in caller.scopes}
        return {**super().get_serializer_context(), **seen}


class ExportView(APIView):
    """The catalogue as a file."""

    required_scopes = {"read": "products:read"}
    renderer_classes = (CSVRenderer, JSONLinesRenderer)
    content_negotiation_class = FormatNegotiation

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
        content = EXPORTS[renderer.format](_export_options(request))
        return _download(request, content, renderer.media_type, f"products.{renderer.format}")


def _export_options(request: Request) -> ExportOptions:
    """Quantities need a scope, cost needs the tier that may see it."""
    code = request.query_params.get("location", "")
    sees_stock = INVENTORY_READ in request.auth.scopes  # type: ignore[union-attr]  # HasScope requires a Caller
    if code and not sees_stock:
        raise Forbidden(f"Quantities need the scope {INVENTORY_READ}.")
    return ExportOptions(
        location=services.location_of(code) if sees_stock else None,
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
