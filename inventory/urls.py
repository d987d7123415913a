from django.urls import path, register_converter
from rest_framework.routers import SimpleRouter

from inventory import views


class SkuConverter:
    """A SKU in a path: percent-encoded, slashes included."""

    regex = ".+"

    def to_python(self, value: str) -> str:
        """As the server decoded it."""
        return value

    def to_url(self, value: str) -> str:
        """As it is; Django encodes it."""
        return value


class CodeConverter(SkuConverter):
    """A location's code: no slashes."""

    regex = "[^/]+"


register_converter(SkuConverter, "sku")
register_converter(CodeConverter, "code")

router = SimpleRouter()
router.register("locations", views.LocationViewSet, basename="location")

urlpatterns = [
    path("levels/", views.LevelListView.as_view(), name="level-list"),
    # A server decodes %2F, so that A/B is the SKU of a GET, and the SKU A at the location B of a PATCH.
    path("levels/<sku:sku>/<code:location>/", views.LevelView.as_view(), name="level"),
    path("levels/<sku:sku>/", views.SkuLevelsView.as_view(), name="sku-levels"),
    path("adjustments/", views.AdjustmentView.as_view(), name="adjustment"),
    path("adjustments/bulk/", views.BulkAdjustmentView.as_view(), name="adjustment-bulk"),
    path("counts/", views.CountView.as_view(), name="count"),
    path("counts/bulk/", views.BulkCountView.as_view(), name="count-bulk"),
    path("movements/", views.MovementListView.as_view(), name="movement-list"),
    *router.urls,
]
