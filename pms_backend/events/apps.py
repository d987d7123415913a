from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "pms_backend.events"
    label = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        """Connects the receivers of published events."""
        from pms_backend.events import receivers

        receivers.connect()
