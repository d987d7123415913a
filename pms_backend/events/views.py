"""`GET /api/v1/events/`: the feed."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.api.endpoints import APIView
from pms_backend.api.filters import refuse_unknown
from pms_backend.events.exceptions import SequenceExpired
from pms_backend.events.models import Event, feed_bounds, is_expired
from pms_backend.events.serializers import EventSerializer, FeedQuerySerializer, FeedSerializer


class FeedView(APIView):
    """The gapless feed of everything that happens."""

    required_scopes = {"read": "events:read"}
    may_answer: ClassVar[dict[int, str]] = {410: "`after` is older than what is kept, or was never given out"}

    @extend_schema(parameters=[FeedQuerySerializer], responses=FeedSerializer)
    def get(self, request: Request) -> Response:
        """The events after a sequence, oldest first; without one, from the oldest that is kept."""
        query = FeedQuerySerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        refuse_unknown(request, known={*query.fields, "format"})
        wanted = query.validated_data
        # The head is read first: everything up to it is visible to the next query.
        oldest, head = feed_bounds()
        after, types, limit = wanted.get("after", oldest), wanted.get("types"), wanted["limit"]
        events = Event.objects.published_after(after).filter(sequence__lte=head)
        if "subject" in wanted:
            events = events.filter(subject=wanted["subject"])
        events = events.of_types(types.split(","), limit=limit + 1) if types is not None else events[: limit + 1]
        rows = list(events)
        # The bounds are read again, because pruning may have run in between.
        if is_expired(after):
            raise SequenceExpired(f"The feed cannot be read on after {after}: begin anew, with what is there now.")
        page, has_more = rows[:limit], len(rows) > limit
        seen = page[-1].sequence if has_more else head
        return Response({"results": EventSerializer(page, many=True).data, "next_after": seen, "has_more": has_more})
