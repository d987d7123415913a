"""Availability over HTTP."""

from typing import Final

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from inventory.availability import AvailabilityQuery, availability_of, by_key
from inventory.serializers.availability import AvailabilityQuestionSerializer, AvailabilitySerializer
from pms_backend.access.scopes import INVENTORY_READ
from pms_backend.access.visibility import visibility_of
from pms_backend.api.endpoints import APIView
from pms_backend.api.fast_validation import FastValidator
from pms_backend.api.renderers import to_json
from pms_backend.api.response_cache import cached_response
from products.cache_generations import LIST_GENERATIONS

_QUERY: Final = FastValidator(AvailabilityQuestionSerializer())


class AvailabilityView(APIView):
    """What can still be promised."""

    required_scopes = {"read": INVENTORY_READ, "write": INVENTORY_READ}
    open_to_storefronts = ("post",)
    only_reads = True

    @extend_schema(request=AvailabilityQuestionSerializer, responses=AvailabilitySerializer)
    def post(self, request: Request) -> HttpResponse:
        """The availability of up to 500 SKUs, for each location and in total; cached until any stock changes."""
        wanted = _QUERY.run_validation(request.data)
        query = AvailabilityQuery(
            keys=by_key(wanted["skus"]),
            locations=wanted.get("locations"),
            unpublished=visibility_of(request.auth).unpublished,
        )
        return cached_response(
            request,
            # The cache key needs the query, which is in the body and not in the URL.
            visibility=(query.unpublished, tuple(query.keys.items()), query.locations),
            generations=LIST_GENERATIONS,
            make=lambda: (to_json(availability_of(query)), None),
        )
