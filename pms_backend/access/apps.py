from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "pms_backend.access"
    label = "access"
    verbose_name = "Access"
