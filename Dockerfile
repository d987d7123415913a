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
RUN mkdir -p /data/media /data/private && chown -R pms /data

USER pms
EXPOSE 8000 8001

# As in pms_backend/standalone/programs.py; docker-compose.yml has the other processes.
CMD ["python", "-m", "gunicorn", "pms_backend.wsgi:application", "--preload", "--log-level", "warning", \
     "--worker-class", "pms_backend.web_server.worker.WebWorker", "--workers", "2", "--threads", "4", \
     "--bind", "0.0.0.0:8000"]
