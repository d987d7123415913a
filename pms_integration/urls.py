from django.urls import path
from rest_framework.routers import SimpleRouter

from pms_integration import product_views, stock_views, views

router = SimpleRouter()
router.register("connections", views.PMSConnectionViewSet, basename="pms-connection")
router.register("sync-runs", views.SyncRunViewSet, basename="pms-sync-run")
router.register("products", product_views.PMSProductViewSet, basename="pms-product")
router.register("events", views.PMSEventViewSet, basename="pms-event")

urlpatterns = [
    path("inventory/", stock_views.PMSStockListView.as_view(), name="pms-stock-list"),
    path("inventory/push/", stock_views.StockPushView.as_view(), name="pms-stock-push"),
    path("sync-runs/<int:pk>/differences/", views.SyncDifferenceListView.as_view(), name="pms-sync-difference-list"),
    *router.urls,
]
