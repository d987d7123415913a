from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "pms_backend.access"
    label = "access"
    verbose_name = "Access"

    def ready(self) -> None:
        """Connects what writes down who logged in, and who could not."""
        from pms_backend.access import receivers

        receivers.connect()
