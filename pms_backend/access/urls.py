from django.urls import path
from rest_framework.routers import SimpleRouter

from pms_backend.access import views

router = SimpleRouter()
router.register("clients", views.ApiClientViewSet, basename="api-client")

urlpatterns = [path("audit/", views.AuditView.as_view(), name="audit"), *router.urls]
