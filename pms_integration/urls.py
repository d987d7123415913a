from django.urls import path
from rest_framework.routers import SimpleRouter

from pms_integration import views

router = SimpleRouter()
router.register("connections", views.PMSConnectionViewSet, basename="pms-connection")
router.register("sync-runs", views.SyncRunViewSet, basename="pms-sync-run")
router.register("events", views.PMSEventViewSet, basename="pms-event")

urlpatterns = [
    path("sync-runs/<int:pk>/differences/", views.SyncDifferenceListView.as_view(), name="pms-sync-difference-list"),
    *router.urls,
]
