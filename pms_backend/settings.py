"""All settings, read from the environment (docs/operations.md lists the variables)."""

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery.schedules import crontab, schedule
from corsheaders.defaults import default_headers
from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy

from pms_backend import env
from pms_backend.api import limits, schema_texts
from pms_backend.file_storage import file_storage
from pms_backend.operations.menu import MENU

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / ".data"))).resolve()
env.load_stack(DATA_DIR)

# --- Core -------------------------------------------------------------------------------------------------------------

# The name of this process's program (pms_backend/standalone/programs.py); empty for a command.
PROGRAM = env.text("PROGRAM", "")
# These serve no pages: without those of the admin, each of them takes 14 MB less.
_WITHOUT_PAGES = ("relay", "sync", "pms", "deliveries", "worker", "beat", "monitor")
DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.text("SECRET_KEY")
# The first key encrypts, all decrypt: put a new one in front to rotate.
FIELD_ENCRYPTION_KEYS = env.listing("FIELD_ENCRYPTION_KEYS")
ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.listing("CSRF_TRUSTED_ORIGINS")
ROOT_URLCONF = "pms_backend.urls"
WSGI_APPLICATION = "pms_backend.wsgi.application"
ASGI_APPLICATION = "pms_backend.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin.apps.SimpleAdminConfig" if PROGRAM in _WITHOUT_PAGES else "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "channels",
    "rest_framework",
    "rest_framework_api_key",
    "rest_framework_simplejwt.token_blacklist",
    "django_filters",
    "corsheaders",
    "csp",
    "axes",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "pms_backend.operations",
    "webhooks",
    "pms_integration",
    "inventory",
    "products",
    "pms_backend.events",
    "pms_backend.access",
    "pms_backend.api",
]

# Of `/api/`, `/health/` and `/metrics`, the way of programs (pms_backend/api/handler.py).
API_MIDDLEWARE = [
    "pms_backend.access.request_log.RequestContextMiddleware",
    "pms_backend.api.content_security.ApiSecurityMiddleware",
    "pms_backend.api.other_origins.ApiCorsMiddleware",
    "pms_backend.api.middleware.RequestLimitsMiddleware",
    "pms_backend.access.request_middleware.AddressThrottleMiddleware",
    "pms_backend.access.browsers.StaffSessionMiddleware",
    "pms_backend.api.middleware.BodyLimitsMiddleware",
]

# Of everything else: the admin, the documentation, static files.
MIDDLEWARE = [
    "pms_backend.access.request_log.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "pms_backend.api.content_security.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "pms_backend.api.middleware.RequestLimitsMiddleware",
    "pms_backend.api.languages.PageLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "pms_backend.access.request_middleware.AddressThrottleMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "pms_backend.access.middleware.StaffActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "pms_backend.api.middleware.BodyLimitsMiddleware",
    # Innermost, so that its response to a locked login passes through all others.
    "axes.middleware.AxesMiddleware",
]

# The base URL of an OpenTelemetry collector with OTLP/HTTP: set it to see where the time of requests goes.
OTEL_EXPORTER_OTLP_ENDPOINT = env.web_address("OTEL_EXPORTER_OTLP_ENDPOINT")
if OTEL_EXPORTER_OTLP_ENDPOINT:
    for middleware in (API_MIDDLEWARE, MIDDLEWARE):
        middleware.insert(0, "pms_backend.tracing.TracingMiddleware")
# OpenTelemetry reads these itself, but would ignore a wrong value.
env.choice("OTEL_TRACES_SAMPLER", "parentbased_always_on", allowed=env.TRACES_SAMPLERS)
env.fraction("OTEL_TRACES_SAMPLER_ARG", 1.0)

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before those of the apps: it replaces templates of django-unfold.
        "DIRS": [BASE_DIR / "pms_backend" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database ---------------------------------------------------------------------------------------------------------

# `transaction` when a pooler such as Supabase's port 6543 or pgbouncer in transaction mode stands in front.
DATABASE_POOLER = env.choice("DATABASE_POOLER", "none", allowed=("none", "transaction"))
DATABASES = {"default": env.database("DATABASE_URL", pooler=DATABASE_POOLER, program=PROGRAM)}

# --- Redis: one server, a database for each use -----------------------------------------------------------------------

REDIS_URL = env.redis("REDIS_URL")
# A Redis that is slow counts as one that is down: requests are served without it.
REDIS_TIMEOUT_SECONDS = 0.25
REDIS_CACHE_URL = f"{REDIS_URL}/1"
REDIS_CHANNELS_URL = f"{REDIS_URL}/2"

CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_CACHE_URL,
        "KEY_PREFIX": "pms",
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": REDIS_TIMEOUT_SECONDS, "SOCKET_TIMEOUT": REDIS_TIMEOUT_SECONDS},
    },
}

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [REDIS_CHANNELS_URL], "prefix": "pms"},
    },
}

# --- Celery: PostgreSQL holds the work, Redis only wakes workers up ---------------------------------------------------

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", f"{REDIS_URL}/0")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "default"
# Intervals of the sweeps that find work without a wake-up: a lost wake-up delays it by no more.
SWEEP_SECONDS = 2.0
IMAGE_SWEEP_SECONDS = 5.0
# Interval of deleting expired rows, which have no effect before that either.
PRUNE_SECONDS = 60.0
HEARTBEAT_SECONDS = 2.0
_HEARTBEAT = "pms_backend.operations.tasks.record_heartbeat"

# One queue per kind of latency, with its tasks and how often beat starts each (seconds, or a time of day), so that slow
# tasks do not delay urgent ones. Each queue needs a worker (pms_backend/standalone/programs.py, docker-compose.yml).
QUEUES: dict[str, dict[str, float | crontab]] = {
    # Publishing events, one batch after the other.
    "relay": {"pms_backend.events.tasks.relay_events": SWEEP_SECONDS},
    # Events from a PMS, and work that is due at a time: short transactions, no outgoing calls.
    "sync": {
        "pms_integration.tasks.apply_pms_events": SWEEP_SECONDS,
        "inventory.tasks.expire_reservations": SWEEP_SECONDS,
        "products.tasks.publish_due": SWEEP_SECONDS,
    },
    # Calls to PMSs, which may hang.
    "pms": {
        "pms_integration.tasks.ask_refetches": SWEEP_SECONDS,
        "pms_integration.tasks.run_syncs": SWEEP_SECONDS,
        "pms_integration.tasks.push_stock": SWEEP_SECONDS,
        "pms_integration.tasks.push_products": SWEEP_SECONDS,
    },
    # Calls to subscribers, which may hang.
    "deliveries": {"webhooks.tasks.send_deliveries": SWEEP_SECONDS},
    "default": {
        "pms_integration.tasks.run_imports": SWEEP_SECONDS,
        "pms_integration.tasks.start_due_syncs": 10.0,
        "pms_integration.tasks.look_for_drift": crontab(hour="2", minute="29"),
        "pms_integration.tasks.prune_import_files": PRUNE_SECONDS,
        "pms_integration.tasks.prune_event_bodies": PRUNE_SECONDS,
        "pms_integration.tasks.prune_sync_differences": PRUNE_SECONDS,
        # Soon after midnight, whichever time zone it is in; in each other hour it finds what was missed.
        "inventory.tasks.record_stock_days": crontab(minute="11"),
        "products.tasks.fetch_images": IMAGE_SWEEP_SECONDS,
        "products.tasks.make_thumbnails": IMAGE_SWEEP_SECONDS,
        "products.tasks.sweep_unused_images": 3600.0,
        "products.tasks.sweep_stray_files": crontab(hour="4", minute="43"),
        "pms_backend.access.tasks.prune_nonces": PRUNE_SECONDS,
        "pms_backend.access.tasks.prune_tickets": PRUNE_SECONDS,
        "pms_backend.access.tasks.prune_audit_log": PRUNE_SECONDS,
        "pms_backend.access.tasks.flush_expired_tokens": crontab(hour="3", minute="17"),
        "pms_backend.api.tasks.prune_idempotency_keys": PRUNE_SECONDS,
        "pms_backend.events.tasks.prune_events": PRUNE_SECONDS,
        "webhooks.tasks.prune_deliveries": PRUNE_SECONDS,
        "webhooks.tasks.check_failing_endpoints": PRUNE_SECONDS,
    },
}
CELERY_TASK_ROUTES = {task: {"queue": queue} for queue, tasks in QUEUES.items() for task in tasks}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": REDIS_TIMEOUT_SECONDS,
    "socket_timeout": 5,
    "socket_keepalive": True,
    # Publishing must never delay a request (kombu would retry for 6 s): the sweep replaces a lost wake-up.
    "max_retries": 0,
}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "pms_backend.operations.beat.HeartbeatScheduler"


def _every(interval: float | crontab, task: str, **options: Any) -> dict[str, Any]:
    every = interval if isinstance(interval, crontab) else schedule(interval)
    expires = 3600 if isinstance(interval, crontab) else interval * 5
    return {"task": task, "schedule": every, "options": {"expires": expires, **options}}


CELERY_BEAT_SCHEDULE = {
    **{task: _every(interval, task) for tasks in QUEUES.values() for task, interval in tasks.items()},
    **{
        f"heartbeat of {queue}": {**_every(HEARTBEAT_SECONDS, _HEARTBEAT, queue=queue), "args": [queue]}
        for queue in QUEUES
    },
}

# How long the feed keeps an event: longer than any reader may be offline.
EVENT_RETENTION_DAYS = env.integer("EVENT_RETENTION_DAYS", 30, minimum=1, maximum=3650)
# How long a delivery of a webhook out is kept, with the log of its attempts: as long as subscribers ask about them.
DELIVERY_RETENTION_DAYS = env.integer("DELIVERY_RETENTION_DAYS", 90, minimum=1, maximum=3650)
# How long the body of a processed or ignored webhook is kept: as long as somebody may need to look at it.
PMS_EVENT_RETENTION_DAYS = env.integer("PMS_EVENT_RETENTION_DAYS", 30, minimum=1, maximum=3650)
# How long the audit log is kept: as long as your auditors require.
AUDIT_RETENTION_DAYS = env.integer("AUDIT_RETENTION_DAYS", 365, minimum=1, maximum=3650)

# --- Uploaded files: on this machine, or in an S3-compatible bucket ---------------------------------------------------

STORAGE_BUCKET = env.text("STORAGE_BUCKET", "")
# Private files: imports. Set it if workers run on other machines than the web processes.
STORAGE_PRIVATE_BUCKET = env.text("STORAGE_PRIVATE_BUCKET", "")
_STORAGE = file_storage(
    bucket=STORAGE_BUCKET,
    # For services other than Amazon: MinIO, Supabase Storage, R2.
    endpoint_url=env.web_address("STORAGE_ENDPOINT_URL"),
    region=env.text("STORAGE_REGION", ""),
    # Without these two boto3 searches for credentials: a role of the machine, for example.
    access_key=env.text("STORAGE_ACCESS_KEY", ""),
    secret_key=env.secret("STORAGE_SECRET_KEY", minimum=8),
    # Where browsers find the bucket's files: a CDN, or the bucket itself.
    public_url=env.web_address("STORAGE_PUBLIC_URL"),
    private_bucket=STORAGE_PRIVATE_BUCKET,
)
STORAGES = {
    "default": _STORAGE.backend,
    "private": _STORAGE.private,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MEDIA_ROOT = DATA_DIR / "media"
# Lock files that the processes of one machine share.
RUN_DIR = DATA_DIR / "run"
MEDIA_URL = _STORAGE.media_url

# --- API --------------------------------------------------------------------------------------------------------------

# JSON of bucket → `N/second|minute|hour|day`, merged over the defaults; `off` for no limits.
RATE_LIMITS = env.text("RATE_LIMITS", "")
# CIDRs of the reverse proxies, from which X-Forwarded-For is trusted.
TRUSTED_PROXIES = env.listing("TRUSTED_PROXIES")
# Private destinations that outgoing calls may reach: `host`, `host:port` or CIDR.
OUTBOUND_ALLOW = env.listing("OUTBOUND_ALLOW")
# The currency of a price that has none.
DEFAULT_CURRENCY = env.text("DEFAULT_CURRENCY", "USD")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "pms_backend.access.authentication.ApiKeyAuthentication",
        "pms_backend.access.tokens.authentication.BearerAuthentication",
        "pms_backend.access.authentication.StaffSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["pms_backend.access.permissions.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["pms_backend.access.throttling.ClientThrottle"],
    "DEFAULT_PARSER_CLASSES": ["pms_backend.api.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["pms_backend.api.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "pms_backend.api.negotiation.ContentNegotiation",
    "DEFAULT_PAGINATION_CLASS": "pms_backend.api.pagination.CursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["pms_backend.api.filters.FilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "pms_backend.api.schema.AutoSchema",
    "EXCEPTION_HANDLER": "pms_backend.api.exceptions.problem_response",
    "DEFAULT_VERSIONING_CLASS": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

# --- Tokens -----------------------------------------------------------------------------------------------------------

# Tokens of Supabase Auth are accepted if one of these is set: the project's URL, whose public keys are fetched, or its
# legacy shared secret.
SUPABASE_URL = env.origin("SUPABASE_URL")
SUPABASE_JWT_SECRET = env.secret("SUPABASE_JWT_SECRET", minimum=32)
# JSON of role → scopes, for the `app_metadata.role` of a Supabase user.
JWT_ROLE_SCOPES = env.text("JWT_ROLE_SCOPES", "")

# Our own tokens, for installations without Supabase. Issuer, audience and key differ from Supabase's, so that neither
# kind is accepted as the other. The key is derived, so that it cannot sign sessions.
SIMPLE_JWT: dict[str, Any] = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": salted_hmac("pms_backend.access.tokens", "", secret=SECRET_KEY, algorithm="sha256").hexdigest(),
    "ISSUER": "pms",
    "AUDIENCE": "pms-api",
    "LEEWAY": 30,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "CHECK_REVOKE_TOKEN": True,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "PMS API",
    "DESCRIPTION": "Products and stock: one truth. Errors are RFC 9457 problem details.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "TAGS": [
        {"name": schema_texts.TAGS[resource], "description": text} for resource, text in schema_texts.RESOURCES.items()
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "ENUM_NAME_OVERRIDES": {
        "ProductStatusEnum": "products.models.ProductStatus",
        "PMSEventStatusEnum": "pms_integration.models.PMSEventStatus",
        "TransferStatusEnum": "inventory.models.TransferStatus",
        "StocktakeStatusEnum": "inventory.models.StocktakeStatus",
        "ImportStatusEnum": "pms_integration.models.ImportStatus",
        "ClientStateEnum": ["active", "expired", "revoked"],
        "AlertTypeEnum": "inventory.alerts.AlertType",
        "WebhookCheckEnum": ["ok", "missing", "unsupported"],
        "ImageTypeEnum": "products.images.names.SENT_TYPES",
        "PMSProductStateEnum": "pms_integration.models.PMSProductState",
        "SyncModeEnum": "pms_integration.models.SyncMode",
        "SyncStatusEnum": "pms_integration.models.SyncStatus",
        "SyncResourceEnum": "pms_integration.models.SyncResource",
        "SyncActionEnum": "pms_integration.models.SyncAction",
        "ImportFormatEnum": "pms_integration.models.ImportFormat",
        "FieldGroupOwnerEnum": "pms_integration.models.FieldGroupOwner",
        "DeliveryStatusEnum": "webhooks.models.DeliveryStatus",
        "StockOwnerEnum": "pms_integration.models.StockOwner",
    },
}

# --- People and pages -------------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    # The last, since it notes what all others refuse.
    "pms_backend.access.refusals.RefusalRecorder",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
CSRF_FAILURE_VIEW = "pms_backend.api.views.csrf_failure"

# A user is locked out at an address after the first number of failures, an address after the second (of any users), for
# the cool-off time after the last failure (pms_backend/access/lockout.py).
AXES_FAILURE_LIMIT = 5
LOGIN_FAILURES_PER_ADDRESS = 50
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_HANDLER = "pms_backend.access.lockout.LoginGuard"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address"]
AXES_LOCKOUT_CALLABLE = "pms_backend.access.lockout.refuse"
AXES_CLIENT_IP_CALLABLE = "pms_backend.access.lockout.address_of"
AXES_USERNAME_CALLABLE = "pms_backend.access.lockout.username_of"
AXES_RESET_ON_SUCCESS = True
# Attempts while locked out neither prolong the lockout nor add rows.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

# The pages' languages; everything else is English (pms_backend/api/languages.py).
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "German")]
LOCALE_PATHS = [BASE_DIR / "pms_backend" / "locale"]
LANGUAGE_COOKIE_AGE = int(timedelta(days=365).total_seconds())
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_THOUSAND_SEPARATOR = True
FORMAT_MODULE_PATH = "pms_backend.formats"
STATIC_URL = "/static/"
# WhiteNoise serves files directly from the packages, without collectstatic.
WHITENOISE_USE_FINDERS = True


UNFOLD = {
    "SITE_TITLE": "PMS",
    "SITE_HEADER": gettext_lazy("Product Management"),
    "SITE_SYMBOL": "inventory_2",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("operations/favicon.svg")}],
    "STYLES": [lambda _: static("operations/admin.css")],
    "SCRIPTS": [lambda _: static("operations/admin.js")],
    "SHOW_HISTORY": False,
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": None,
    "DASHBOARD_CALLBACK": "pms_backend.operations.dashboard.add_content",
    "SIDEBAR": {"navigation": MENU},
}

# --- Security: HTTPS is the proxy's; set HTTPS=1 behind one -----------------------------------------------------------

HTTPS = env.flag("HTTPS", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
# Health checks and Prometheus call the process directly, without the proxy's HTTPS.
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
# pms_backend/api/content_security.py sets X-Frame-Options and Cross-Origin-Opener-Policy, on HTML pages alone.
SECURE_CROSS_ORIGIN_OPENER_POLICY = None
SILENCED_SYSTEM_CHECKS = ["security.W002"]

# The port at which browsers reach the sockets: 0 for that of the pages, behind a proxy that has both at one port. In
# `make run` there is none.
PUBLIC_WS_PORT = env.integer("PUBLIC_WS_PORT", 0, minimum=0, maximum=65_535)

# Origins of other web pages that may call the API from a browser with a key or a token, never with our cookies.
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_HEADERS = (
    *default_headers, "x-api-key", "idempotency-key", "if-match", "if-none-match", "content-digest", "signature",
    "signature-input", "x-request-id", "cache-control", "traceparent",
)  # fmt: skip
CORS_EXPOSE_HEADERS = (
    "ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id", "Idempotency-Replayed",
)  # fmt: skip

# Responses for programs: a browser that shows one loads and runs nothing.
CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": [NONE], "frame-ancestors": [NONE]}}
_PAGE = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF, NONCE],
    "img-src": [SELF, "data:", *_STORAGE.origins],
    "font-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}
# By path; one that ends in a slash includes the paths below it.
PAGE_POLICIES = {
    # Alpine.js evaluates attributes, and django-unfold sets style attributes. Inline scripts and scripts of other
    # origins stay forbidden.
    "/admin/": {**_PAGE, "script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]},
    "/api/docs/": _PAGE,
    "/": _PAGE,
}

# --- Limits -----------------------------------------------------------------------------------------------------------

# A larger body is 413. The other limits of a request are in the same module.
DATA_UPLOAD_MAX_MEMORY_SIZE = limits.MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = limits.MAX_FORM_FIELDS
DATA_UPLOAD_MAX_NUMBER_FILES = limits.MAX_FORM_FILES
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "pms_backend.api.upload_spooling.TemporaryFileUploadHandler",
]

# --- Health, logs and metrics -----------------------------------------------------------------------------------------

# Where the socket server answers, for the check of `/health/ready`; without it there is no such check.
SOCKETS_URL = env.origin("SOCKETS_URL")
METRICS_TOKEN = env.text("METRICS_TOKEN", "")
# A directory for the counters of all processes of a machine, so that one scrape sees them all.
if METRICS_DIR := env.text("METRICS_DIR", ""):
    Path(METRICS_DIR).mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = METRICS_DIR

# JSON for machines, text for people: by default, those who see stderr in a terminal.
LOG_FORMAT = env.choice("LOG_FORMAT", "text" if sys.stderr.isatty() else "json", allowed=("json", "text"))
# INFO is one line a request and, of libraries, warnings; WARNING leaves out the requests; DEBUG is everything.
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", allowed=("DEBUG", "INFO", "WARNING", "ERROR"))
_OWN_LOGGERS = ("pms", "pms_backend", "products", "inventory", "pms_integration", "webhooks")
# Below WARNING these log headers, bodies, arguments and the variables of templates, or a line for each heartbeat.
_LIBRARIES_WITH_SECRETS = (
    "boto3", "botocore", "celery", "django.db.backends", "django.template", "gunicorn.error", "httpcore", "httpx",
    "s3transfer", "urllib3", "uvicorn", "websockets",
)  # fmt: skip

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"repeats": {"()": "pms_backend.api.logs.RepeatFilter", "directory": RUN_DIR}},
    "formatters": {
        "line": {"()": "pms_backend.api.logs.line_formatter", "line_format": LOG_FORMAT, "program": PROGRAM},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "level": LOG_LEVEL,
            "formatter": "line",
            "filters": ["repeats"],
        },
        "errors": {"class": "pms_backend.metrics.error_logs.ErrorCounter", "level": "ERROR"},
    },
    "root": {"handlers": ["console", "errors"], "level": "WARNING" if LOG_LEVEL == "INFO" else LOG_LEVEL},
    "loggers": {
        **{name: {"level": LOG_LEVEL} for name in _OWN_LOGGERS},
        # The loggers of the servers would have handlers of their own.
        **{name: {"level": "WARNING", "handlers": [], "propagate": True} for name in _LIBRARIES_WITH_SECRETS},
        "django.request": {"level": "ERROR"},
        # One line for each request that waits for a thread.
        "waitress.queue": {"level": "ERROR"},
        # pms_backend/tracing.py says that a collector does not answer; this would repeat it for each attempt.
        "opentelemetry": {"level": "CRITICAL"},
    },
}

# --- Alerts: where the program `monitor` tells what is wrong; the admin shows it anyway -------------------------------

# Slack-compatible: {"text": …} is posted there.
ALERT_WEBHOOK_URL = env.secret_url("ALERT_WEBHOOK_URL")
_MAIL = env.mail_server("EMAIL_URL")
ALERT_EMAIL_TO = list(_MAIL.recipients)
EMAIL_HOST, EMAIL_PORT = _MAIL.host, _MAIL.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL.user, _MAIL.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL.starttls, _MAIL.tls
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _MAIL.sender or "webmaster@localhost"
# Errors with a traceback go there too (pms_backend/operations/sentry.py).
SENTRY_DSN = env.sentry_dsn("SENTRY_DSN")
