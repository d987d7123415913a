from django.urls import path

from webhooks.views import PMSWebhookView

urlpatterns = [path("pms/<slug:slug>/", PMSWebhookView.as_view(), name="pms-webhook")]
