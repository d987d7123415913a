"""The whole system on one machine: `python -m pms_backend.standalone`.

PostgreSQL and Redis (embedded, unless their URLs are given), migrations, sample data, the web server, the socket
server, the workers and beat, supervised until Ctrl-C. This package stands beside the stack: it imports neither Django
nor the apps, and knows them only as the commands in `programs.py`.
"""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
