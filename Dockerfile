FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 DATA_DIR=/data

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

# A new volume gets its owner from these directories.
RUN mkdir -p /data/media /data/private /data/run && chown -R pms /data

USER pms
EXPOSE 8000 8001

# Runs the program of this name in pms_backend/standalone/programs.py, or any other command.
ENTRYPOINT ["python", "-m", "pms_backend.standalone.programs"]
CMD ["web"]
