from django.urls import path, register_converter
from rest_framework.routers import SimpleRouter

from inventory.views import alerts, availability, reservations, stock, stocktakes, transfers


class SkuConverter:
    """A SKU in a path: percent-encoded, slashes included."""

    regex = ".+"

    def to_python(self, value: str) -> str:
        """The SKU, as the server decoded it."""
        return value

    def to_url(self, value: str) -> str:
        """The SKU itself; Django encodes it."""
        return value


class CodeConverter(SkuConverter):
    """A location's code: no slashes."""

    regex = "[^/]+"


register_converter(SkuConverter, "sku")
register_converter(CodeConverter, "code")

router = SimpleRouter()
router.register("locations", stock.LocationViewSet, basename="location")
router.register("reservations", reservations.ReservationViewSet, basename="reservation")
router.register("transfers", transfers.TransferViewSet, basename="transfer")
router.register("stocktakes", stocktakes.StocktakeViewSet, basename="stocktake")

urlpatterns = [
    path("adjustments/", stock.AdjustmentView.as_view(), name="adjustment"),
    path("adjustments/bulk/", stock.BulkAdjustmentView.as_view(), name="adjustment-bulk"),
    path("counts/", stock.CountView.as_view(), name="count"),
    path("counts/bulk/", stock.BulkCountView.as_view(), name="count-bulk"),
    path("alerts/", alerts.AlertListView.as_view(), name="alert-list"),
    path("availability/", availability.AvailabilityView.as_view(), name="availability"),
    path("movements/", stock.MovementListView.as_view(), name="movement-list"),
    path("movements/<int:pk>/reverse/", stock.MovementReversalView.as_view(), name="movement-reversal"),
    path("levels/", stock.LevelListView.as_view(), name="level-list"),
    # The server decodes %2F: A/B is the SKU A/B in a GET, and the SKU A at the location B in a PATCH.
    path("levels/<sku:sku>/<code:location>/", stock.LevelView.as_view(), name="level"),
    path("levels/<sku:sku>/", stock.SkuLevelsView.as_view(), name="sku-levels"),
    path("stocktakes/<int:pk>/lines/", stocktakes.StocktakeLineListView.as_view(), name="stocktake-lines"),
    *router.urls,
]
