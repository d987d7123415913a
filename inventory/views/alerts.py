"""Alerts over HTTP."""

from typing import Any

from inventory.alerts import read_reservations_at_stake
from inventory.filters import AlertFilter
from inventory.models import StockLevel
from inventory.serializers.alerts import AlertSerializer
from pms_backend.access.scopes import read_write
from pms_backend.access.visibility import visibility_of
from pms_backend.api.endpoints import ListAPIView


class AlertListView(ListAPIView[StockLevel]):
    """Levels that are low or oversold, the latter with the reservations at stake."""

    queryset = StockLevel.objects.in_need().select_related("variant", "location")
    serializer_class = AlertSerializer
    filterset_class = AlertFilter
    required_scopes = read_write("inventory")

    def paginate_queryset(self, queryset: Any) -> Any:
        """A page of levels, with the reservations at stake that the caller may see: all, or its own."""
        page = super().paginate_queryset(queryset)
        caller: Any = self.request.auth
        read_reservations_at_stake(page or [], of_client=None if visibility_of(caller).others else caller.identity)
        return page
