"""The limit is exact across processes: 4 of them, with 8 threads each, share a limit of 100 requests."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROCESSES, THREADS, EACH, LIMIT = 4, 8, 10, 100

ASKS = """
import sys
from concurrent.futures import ThreadPoolExecutor

import django

django.setup()
from pms_backend.access import rates

key, threads, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(threads) as pool:
    verdicts = pool.map(lambda _: rates.count_request_of_tier("gold", key, write=False), range(threads * each))
    print(sum(verdict.allowed for verdict in verdicts))
"""


def test_four_processes_of_eight_threads_pass_exactly_a_hundred():
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "pms_backend.settings",
        "RATE_LIMITS": f'{{"gold.read": "{LIMIT}/minute"}}',
    }
    command = [sys.executable, "-c", ASKS, f"test-{os.getpid()}", str(THREADS), str(EACH)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(PROCESSES)
    ]

    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    passed = [int(process.communicate()[0]) for process in processes]

    assert sum(passed) == LIMIT
    assert PROCESSES * THREADS * EACH > LIMIT
