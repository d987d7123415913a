from django.urls import path

from pms_backend.access.tokens import views

urlpatterns = [
    path("token/", views.ObtainTokenView.as_view(), name="auth-token"),
    path("refresh/", views.RefreshTokenView.as_view(), name="auth-refresh"),
]
