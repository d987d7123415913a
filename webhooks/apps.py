from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"

    def ready(self) -> None:
        """Connects the receiver of published events."""
        from webhooks import receivers

        receivers.connect()
