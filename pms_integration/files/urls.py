from django.urls import path
from rest_framework.routers import SimpleRouter

from pms_integration.files.views import ExportView, ImportChangesView, ImportViewSet

router = SimpleRouter()
router.register("imports", ImportViewSet, basename="product-import")

urlpatterns = [
    path("export/", ExportView.as_view(), name="product-export"),
    path("imports/<int:pk>/changes/", ImportChangesView.as_view(), name="product-import-change-list"),
    *router.urls,
]
