import time

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy


class OperationsConfig(AppConfig):
    name = "pms_backend.operations"
    label = "operations"
    verbose_name = gettext_lazy("Operations")

    def ready(self) -> None:
        """Sets our Celery application, registers system checks and a receiver of events, and starts traces.

        Also hides tables from Supabase's generated API, at the end of each `migrate`, and starts Sentry if it is set.
        """
        from django.db.models.signals import post_migrate  # noqa: TID251 - no signal of a model

        from pms_backend import celery, metrics
        from pms_backend.operations import (
            bucket_checks,
            checks,
            database_checks,
            receivers,
            row_level_security,
            supabase_checks,
        )

        if settings.PROGRAM:
            metrics.process_start_time_seconds.labels(settings.PROGRAM).set(time.time())
        celery.app.set_default()
        receivers.connect()
        register(checks.check_settings)
        register(checks.advise_on_settings, deploy=True)
        register(supabase_checks.check_supabase)
        register(supabase_checks.advise_on_supabase, deploy=True)
        register(database_checks.check_database, Tags.database)
        register(bucket_checks.check_buckets, deploy=True)
        post_migrate.connect(row_level_security.hide_from_generated_api, sender=self)
        if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
            from pms_backend import tracing

            tracing.start()
        if settings.SENTRY_DSN:
            from pms_backend.operations import sentry

            sentry.start()
