import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import redis

from pms_backend.standalone import PROJECT, proc
from tests.standalone.running import processes_of, wait_for

SERVERS = (sys.executable, "-m", "pms_backend.standalone.servers")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((*SERVERS, *arguments), cwd=PROJECT, capture_output=True, text=True, timeout=60)


def test_the_command_has_servers_and_its_exit_code_is_returned(data_dir: Path) -> None:
    use = """
import os, psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    print(connection.execute("SELECT 6 * 7").fetchone()[0])
with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
    print(client.ping())
raise SystemExit(7)
"""
    done = run("--data-dir", str(data_dir), "--", sys.executable, "-c", use)

    assert (done.returncode, done.stdout, done.stderr) == (7, "42\nTrue\n", "")
    assert processes_of(data_dir) == []


def test_a_missing_command_is_a_one_line_error(data_dir: Path) -> None:
    done = run("--data-dir", str(data_dir), "no-such-command")

    assert (done.returncode, done.stderr) == (127, "error: no-such-command: No such file or directory\n")


def test_a_killed_command_gives_the_exit_code_of_a_shell() -> None:
    done = run(sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")

    assert done.returncode == 128 + 9


def test_without_a_data_dir_nothing_is_stored(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = (*SERVERS, "sh", "-c", "ls $TMPDIR")

    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60)

    assert done.stdout.startswith("pms-servers-")
    assert list(tmp_path.iterdir()) == []


def test_the_servers_end_with_a_killed_owner(data_dir: Path) -> None:
    print_urls = "import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'], flush=True); input()"
    command = (*SERVERS, "--data-dir", str(data_dir), sys.executable, "-c", print_urls)
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        database_url, redis_url = owner.stdout.readline().split()
        with psycopg.connect(database_url), redis.Redis.from_url(redis_url) as client:
            assert client.ping()

        os.kill(owner.pid, signal.SIGKILL)

        wait_for(lambda: processes_of(data_dir) == [], "the end of the servers", seconds=5)
    assert proc.start_time(owner.pid) is None
