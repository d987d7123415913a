FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

WORKDIR /app

COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin pms

COPY manage.py .
COPY pms_backend pms_backend
COPY products products
COPY inventory inventory
COPY pms_integration pms_integration
COPY webhooks webhooks
COPY deploy/healthcheck.py deploy/healthcheck.py

# A volume takes its owner from here.
RUN mkdir -p /data/media && chown -R pms /data

USER pms
EXPOSE 8000 8001

# As in pms_backend/standalone/children.py; docker-compose.yml has the other processes.
CMD ["python", "-m", "granian", "pms_backend.wsgi:application", "--interface", "wsgi", "--http", "1", "--no-ws", \
     "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "4", \
     "--blocking-threads-idle-timeout", "600", \
     "--http1-header-read-timeout", "10000", "--http1-buffer-size", "131072", "--backpressure", "512", \
     "--respawn-failed-workers", "--workers-kill-timeout", "3", "--log-level", "warning"]
