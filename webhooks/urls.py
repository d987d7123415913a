from django.urls import path
from rest_framework.routers import SimpleRouter

from webhooks import endpoint_views
from webhooks.views import PMSWebhookView

router = SimpleRouter()
router.register("endpoints", endpoint_views.EndpointViewSet, basename="webhook-endpoint")
router.register("deliveries", endpoint_views.DeliveryViewSet, basename="webhook-delivery")

urlpatterns = [path("pms/<slug:slug>/", PMSWebhookView.as_view(), name="pms-webhook"), *router.urls]
