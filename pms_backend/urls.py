"""HTTP URLs."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import TemplateView
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView

from pms_backend.access.views import SocketTicketView
from pms_backend.operations import views as operations
from products.images.names import FILE_PATTERN, IMAGES, THUMBNAILS
from products.views.media import serve_file

_API: list[URLPattern | URLResolver] = [
    path("inventory/", include("inventory.urls")),
    path("products/", include("products.urls")),
    path("products/", include("pms_integration.files.urls")),
    path("pms/", include("pms_integration.urls")),
    path("webhooks/", include("webhooks.urls")),
    path("events/", include("pms_backend.events.urls")),
    path("auth/", include("pms_backend.access.tokens.urls")),
    path("access/", include("pms_backend.access.urls")),
    path("realtime/tickets/", SocketTicketView.as_view(), name="socket-tickets"),
]

urlpatterns = [
    path("api/v1/", include(_API)),
    path("", operations.home, name="home"),
    path("admin/language/", set_language, name="set_language"),
    path("admin/", admin.site.urls),
    path("health/live", operations.live, name="health-live"),
    path("health/ready", operations.ready, name="health-ready"),
    path("metrics", operations.metrics, name="metrics"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", TemplateView.as_view(template_name="api/docs.html"), name="docs"),
    re_path(rf"^media/(?P<name>(?:{IMAGES}|{THUMBNAILS})/{FILE_PATTERN})$", serve_file, name="media"),
]

handler400 = "pms_backend.api.views.bad_request"
handler403 = "pms_backend.access.refusals.permission_denied"
handler404 = "pms_backend.access.refusals.not_found"
handler500 = "pms_backend.api.views.server_error"
