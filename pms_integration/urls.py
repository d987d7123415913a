from rest_framework.routers import SimpleRouter

from pms_integration import views

router = SimpleRouter()
router.register("connections", views.PMSConnectionViewSet, basename="pms-connection")
router.register("events", views.PMSEventViewSet, basename="pms-event")

urlpatterns = router.urls
