"""`GET /api/v1/events/`: the feed."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.api.endpoints import APIView
from pms_backend.api.filters import refuse_unknown
from pms_backend.events.models import Event, head_sequence
from pms_backend.events.serializers import EventSerializer, FeedQuerySerializer, FeedSerializer


class FeedView(APIView):
    """The gapless feed of everything that happens."""

    required_scopes = {"read": "events:read"}

    @extend_schema(parameters=[FeedQuerySerializer], responses=FeedSerializer)
    def get(self, request: Request) -> Response:
        """The events after a sequence, oldest first."""
        query = FeedQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        refuse_unknown(request, known={*query.fields, "format"})
        wanted = query.validated_data
        # The head is read first: nothing up to it can be missing from what is read next.
        head = head_sequence()
        events = Event.objects.published_after(wanted["after"])
        if "types" in wanted:
            events = events.of_types(wanted["types"].split(","))
        if "subject" in wanted:
            events = events.filter(subject=wanted["subject"])
        rows = list(events[: wanted["limit"] + 1])
        page, has_more = rows[: wanted["limit"]], len(rows) > wanted["limit"]
        seen = page[-1].sequence if has_more else max(head, page[-1].sequence if page else 0, wanted["after"])
        return Response({"results": EventSerializer(page, many=True).data, "next_after": seen, "has_more": has_more})
