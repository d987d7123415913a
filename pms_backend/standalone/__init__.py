"""The whole system on one machine: `python -m pms_backend.standalone`.

It starts PostgreSQL and Redis (embedded, unless their URLs are given), migrates, loads sample data, and supervises the
web server, the socket server, the workers and beat until Ctrl-C. This package imports neither Django nor the apps: it
knows them only as the commands in `programs.py`.
"""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
