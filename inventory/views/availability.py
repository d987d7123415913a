"""Availability over HTTP."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.availability import Question, availability_of
from inventory.serializers.availability import AvailabilityQuestionSerializer, AvailabilitySerializer
from pms_backend.access.scopes import INVENTORY_READ
from pms_backend.access.visibility import visibility_of
from pms_backend.api.endpoints import APIView


class AvailabilityView(APIView):
    """What can still be promised."""

    required_scopes = {"read": INVENTORY_READ, "write": INVENTORY_READ}
    open_to_storefronts = ("post",)
    only_reads = True

    @extend_schema(request=AvailabilityQuestionSerializer, responses=AvailabilitySerializer)
    def post(self, request: Request) -> Response:
        """Of up to 500 SKUs, place by place and in all."""
        serializer = AvailabilityQuestionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = serializer.validated_data
        question = Question(
            skus=wanted["skus"],
            locations=wanted.get("locations"),
            unpublished=visibility_of(request.auth).unpublished,
        )
        return Response(availability_of(question))
