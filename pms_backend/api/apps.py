from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "pms_backend.api"
    label = "api"
    verbose_name = "API"
