import fcntl
import json
import os
import signal
import socket
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from pms_backend.standalone import proc
from tests.machine import is_within
from tests.standalone.running import TIMEOUT_SECONDS, FakeStack, as_ordinary_user, processes_of, wait_for

STOP_LIMIT_SECONDS = 10
AT_ONCE_SECONDS = 4  # shorter than every timeout of a stop, and enough for an interpreter to start on a busy machine


def test_the_first_start_writes_quickstart_json(make_stack: Callable[..., FakeStack], tmp_path: Path) -> None:
    stack = make_stack(tmp_path / "data")

    quickstart = stack.start()

    base = f"http://127.0.0.1:{stack.port}"
    assert quickstart == {
        "base_url": base,
        "ws_url": f"ws://127.0.0.1:{stack.port + 1}/ws/stock/",
        "admin": {"username": "admin", "password": "fake-password"},
        "api_key": "prefix.key",
        "pms": {
            "connection": "demo",
            "webhook_url": f"{base}/api/v1/webhooks/pms/demo/",
            "webhook_secret": "whsec_c2VjcmV0",
        },
        "database_url": quickstart["database_url"],
        "redis_url": quickstart["redis_url"],
        "pids": {
            "web": [stack.recorded("web")],
            "sockets": [stack.recorded("sockets")],
            "worker": [stack.recorded(name) for name in ("relay", "sync", "pms", "deliveries", "worker")],
            "beat": [stack.recorded("beat")],
        },
    }
    with psycopg.connect(quickstart["database_url"]) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("pms",)
    with redis.Redis.from_url(quickstart["redis_url"]) as client:
        assert client.ping()


def test_environment_json_holds_the_environment_of_the_programs(light_stack: FakeStack) -> None:
    quickstart = light_stack.start(SECRET_KEY="", FIELD_ENCRYPTION_KEYS="given")

    written = json.loads((light_stack.data_dir / "environment.json").read_text())
    assert written == {
        "DATABASE_URL": quickstart["database_url"],
        "REDIS_URL": quickstart["redis_url"],
        "SECRET_KEY": json.loads((light_stack.data_dir / "secrets.json").read_text())["secret_key"],
        "FIELD_ENCRYPTION_KEYS": "given",
        "DATA_DIR": str(light_stack.data_dir),
        "HOST": "127.0.0.1",
        "PORT": str(light_stack.port),
        "WS_PORT": str(light_stack.port + 1),
        "PUBLIC_WS_PORT": str(light_stack.port + 1),
        "METRICS_DIR": str(light_stack.data_dir / "run/metrics"),
        "LOG_FORMAT": "text",
        "SOCKETS_URL": f"http://127.0.0.1:{light_stack.port + 1}",
    }
    web = quickstart["pids"]["web"][0]
    assert all(proc.has_in_environment(web, f"{name}={value}") for name, value in written.items())


def test_only_the_owner_may_read_the_files_with_secrets(shared_stack: FakeStack) -> None:
    for name in ("quickstart.json", "environment.json", "secrets.json", "credentials.json", "run/processes.json"):
        assert stat.S_IMODE((shared_stack.data_dir / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(shared_stack.data_dir.stat().st_mode) & 0o007 == 0


def test_a_second_start_keeps_secrets_and_data_and_loads_no_sample_data(full_stack: FakeStack) -> None:
    first = full_stack.start()
    with psycopg.connect(first["database_url"]) as connection:
        connection.execute("CREATE TABLE stored (n int)")
    secrets = (full_stack.data_dir / "secrets.json").read_text()
    full_stack.send(signal.SIGTERM)
    assert full_stack.finish()[0] == 0

    second = full_stack.start(FAKE_FAULTS='{"load_sample_data": "fail"}')

    assert second["admin"] == first["admin"]
    assert (full_stack.data_dir / "secrets.json").read_text() == secrets
    with psycopg.connect(second["database_url"]) as connection:
        assert connection.execute("SELECT count(*) FROM stored").fetchone() == (0,)


def test_ctrl_c_stops_everything_cleanly(full_stack: FakeStack) -> None:
    quickstart = full_stack.start()
    began = time.monotonic()

    with psycopg.connect(quickstart["database_url"]):  # the stop does not wait for a connected client
        full_stack.send(signal.SIGINT)
        code, output, errors = full_stack.finish()

    assert (code, errors) == (0, "")
    assert is_within(time.monotonic() - began, STOP_LIMIT_SECONDS)
    assert processes_of(full_stack.data_dir) == []
    assert not full_stack.quickstart_path.exists()
    assert not (full_stack.data_dir / "run/programs.json").exists()
    log = (full_stack.data_dir / "run/postgres.log").read_text()
    assert "received fast shutdown request" in log
    assert "received immediate shutdown request" not in log
    assert "\nStopping …\n" in output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_sighup_stop_everything_too(light_stack: FakeStack, number: signal.Signals) -> None:
    light_stack.start()

    light_stack.send(number)
    code, _, errors = light_stack.finish()

    assert (code, errors) == (0, "")
    assert processes_of(light_stack.data_dir) == []


@pytest.mark.slow
def test_a_stack_whose_output_nobody_reads_starts_restarts_and_stops(light_stack: FakeStack) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"x" * fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ))

    web = light_stack.start(output=writing)["pids"]["web"][0]
    os.kill(web, signal.SIGKILL)
    wait_for(lambda: light_stack.pid_of("web") not in {None, web}, "the restart")
    light_stack.send(signal.SIGTERM)

    assert light_stack.finish()[0] == 0
    os.close(reading)
    os.close(writing)


@pytest.mark.slow
def test_a_program_that_ignores_the_signal_is_killed_in_time(light_stack: FakeStack) -> None:
    light_stack.start(FAKE_FAULTS='{"web": "ignore_sigterm", "worker": "ignore_sigterm"}')
    began = time.monotonic()

    light_stack.send(signal.SIGINT)
    code, _, _ = light_stack.finish()

    assert code == 0
    assert is_within(time.monotonic() - began, STOP_LIMIT_SECONDS)
    assert processes_of(light_stack.data_dir) == []


def test_a_second_ctrl_c_kills_at_once(light_stack: FakeStack) -> None:
    light_stack.start(FAKE_FAULTS='{"web": "ignore_sigterm", "worker": "ignore_sigterm"}')
    beat = light_stack.pid_of("beat")
    light_stack.send(signal.SIGINT)
    wait_for(lambda: proc.start_time(beat) is None, "the end of beat, which shows that stopping has begun")
    began = time.monotonic()

    light_stack.send(signal.SIGINT)
    light_stack.finish()

    assert is_within(time.monotonic() - began, AT_ONCE_SECONDS)
    assert processes_of(light_stack.data_dir) == []


@pytest.mark.parametrize("step", ["migrate", pytest.param("load_sample_data", marks=pytest.mark.slow), "web"])
def test_ctrl_c_during_the_start_stops_cleanly(full_stack: FakeStack, step: str) -> None:
    full_stack.launch(FAKE_FAULTS=json.dumps({step: "hang"}))
    wait_for(lambda: (full_stack.data_dir / "run/processes.json").exists() and full_stack.recorded(step), step)

    full_stack.send(signal.SIGINT)
    code, _, errors = full_stack.finish(STOP_LIMIT_SECONDS)

    assert (code, errors) == (0, "")
    assert processes_of(full_stack.data_dir) == []


@pytest.mark.parametrize("step", ["migrate", "load_sample_data", "sockets"])
def test_a_failed_step_prints_the_reason_and_stops_everything(light_stack: FakeStack, step: str) -> None:
    light_stack.launch(FAKE_FAULTS=json.dumps({step: "fail"}))

    code, _, errors = light_stack.finish()

    *lines, last = errors.splitlines()
    assert code == 1
    assert last.startswith(f"error: {step} ")
    assert f"the reason why {step} failed" in lines
    assert processes_of(light_stack.data_dir) == []
    assert not light_stack.quickstart_path.exists()


def test_sample_data_without_credentials_is_an_error(light_stack: FakeStack) -> None:
    light_stack.launch(FAKE_FAULTS='{"load_sample_data": "nonsense"}')

    code, _, errors = light_stack.finish()

    assert (code, errors) == (1, "loading\nnonsense\nerror: load_sample_data did not end with a line of JSON\n")
    assert not (light_stack.data_dir / "credentials.json").exists()


@pytest.mark.parametrize("name", ["web", "sockets", "worker", "beat"])
def test_a_killed_program_is_restarted_when_its_process_group_has_ended(shared_stack: FakeStack, name: str) -> None:
    killed = shared_stack.pid_of(name)
    group = wait_for(lambda: len(proc.group_members(killed)) == 2 and proc.group_members(killed), "its child process")

    os.kill(killed, signal.SIGKILL)

    wait_for(lambda: shared_stack.pid_of(name) not in {None, killed}, "the restart")
    assert [pid for pid in group if proc.start_time(pid) is not None] == []


def test_programs_json_says_how_each_program_ended_last(light_stack: FakeStack) -> None:
    before = time.time()
    light_stack.start()
    path = light_stack.data_dir / "run/programs.json"
    programs = json.loads(path.read_text())["programs"]
    assert all(before < programs[name].pop("started_at") < time.time() for name in programs)
    assert programs["beat"] == {"pid": light_stack.pid_of("beat"), "restarts": 0, "ended_at": None, "end": ""}
    assert {"web", "sockets", "relay", "sync", "pms", "deliveries", "worker", "beat"} <= set(programs)

    killed_at = time.time()
    os.kill(programs["beat"]["pid"], signal.SIGKILL)

    def ended() -> dict[str, Any] | None:
        beat = json.loads(path.read_text())["programs"]["beat"]
        return beat if beat["restarts"] else None

    beat = wait_for(ended, "the restart")
    assert beat["pid"] != programs["beat"]["pid"]
    assert (beat["restarts"], beat["end"]) == (1, "was killed by SIGKILL")
    assert killed_at < beat["ended_at"] <= beat["started_at"]


def test_while_a_killed_web_server_restarts_clients_wait(shared_stack: FakeStack) -> None:
    killed = shared_stack.pid_of("web")

    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: proc.start_time(killed) is None, "the end of the web server")
    with socket.create_connection(("127.0.0.1", shared_stack.port), timeout=20) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        answer = client.recv(100)

    assert answer.startswith(b"HTTP/1.1 200 OK")
    wait_for(lambda: shared_stack.pid_of("web") not in {None, killed}, "the restart")


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_a_killed_server_comes_back_under_the_same_url(full_stack: FakeStack, name: str) -> None:
    quickstart = full_stack.start()
    with psycopg.connect(quickstart["database_url"], autocommit=True) as connection:
        connection.execute("CREATE TABLE stored (n int)")
    killed = full_stack.recorded(name)

    os.kill(killed, signal.SIGKILL)

    def is_back() -> bool:
        if full_stack.recorded(name) in {0, killed}:
            return False
        try:
            with (
                psycopg.connect(quickstart["database_url"]) as connection,
                redis.Redis.from_url(quickstart["redis_url"]) as client,
            ):
                return client.ping() and connection.execute("SELECT count(*) FROM stored").fetchone() == (0,)
        except (psycopg.OperationalError, redis.ConnectionError):
            return False

    wait_for(is_back, f"the restart of {name}")


def test_backends_that_are_busy_do_not_outlive_their_killed_server(full_stack: FakeStack) -> None:
    quickstart = full_stack.start()
    with psycopg.connect(quickstart["database_url"], autocommit=True) as connection, ThreadPoolExecutor(1) as pool:
        backend = connection.info.backend_pid
        query = pool.submit(connection.execute, "SELECT count(*) FROM generate_series(1, 10000000000)")
        wait_for(query.running, "the query")

        os.kill(full_stack.recorded("postgres"), signal.SIGKILL)

        with pytest.raises(psycopg.OperationalError):
            query.result(TIMEOUT_SECONDS)
    wait_for(lambda: proc.start_time(backend) is None, "the end of the backend")
    wait_for(lambda: "ready to accept" in (full_stack.data_dir / "run/postgres.log").read_text()[-300:], "recovery")


def test_programs_end_when_the_supervisor_is_killed(full_stack: FakeStack) -> None:
    full_stack.start()

    full_stack.send(signal.SIGKILL)

    wait_for(lambda: processes_of(full_stack.data_dir) == [], "the end of all processes", seconds=5)


def test_a_killed_orphan_reaper_is_replaced(light_stack: FakeStack) -> None:
    light_stack.start()
    killed = light_stack.orphan_reaper

    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: proc.start_time(killed) is None and light_stack.orphan_reaper, "a new orphan reaper")
    light_stack.send(signal.SIGKILL)

    wait_for(lambda: processes_of(light_stack.data_dir) == [], "the end of all processes", seconds=5)


def test_the_next_start_ends_processes_that_a_killed_supervisor_and_orphan_reaper_left(full_stack: FakeStack) -> None:
    full_stack.start()
    reaper = full_stack.orphan_reaper
    os.kill(full_stack.supervisor, signal.SIGSTOP)  # so that it cannot replace its orphan reaper
    os.kill(reaper, signal.SIGKILL)
    full_stack.send(signal.SIGKILL)
    full_stack.finish()
    left = wait_for(lambda: processes_of(full_stack.data_dir), "processes that were left")
    os.kill(full_stack.recorded("web"), signal.SIGKILL)  # its child process is now in a group without a leader
    assert len(left) > 10

    quickstart = full_stack.start()

    assert [pid for pid in left if proc.start_time(pid) is not None] == []
    with psycopg.connect(quickstart["database_url"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_second_supervisor_is_refused_at_once_and_disturbs_nothing(shared_stack: FakeStack) -> None:
    quickstart = shared_stack.quickstart()
    other = FakeStack(shared_stack.data_dir)
    began = time.monotonic()

    other.launch()
    code, _, errors = other.finish()

    assert code == 1
    assert (
        errors
        == f"error: DATA_DIR {shared_stack.data_dir} is in use by the process with pid {shared_stack.supervisor}\n"
    )
    assert is_within(time.monotonic() - began, AT_ONCE_SECONDS)
    assert shared_stack.quickstart() == quickstart
    assert proc.start_time(quickstart["pids"]["web"][0]) is not None


def test_two_stacks_run_side_by_side(make_stack: Callable[..., FakeStack], tmp_path: Path) -> None:
    first, second = make_stack(tmp_path / "first"), make_stack(tmp_path / "second")
    first.launch()
    second.start()
    wait_for(first.quickstart_path.exists, "the start of the first stack")

    first.send(signal.SIGINT)
    first.finish()

    with psycopg.connect(second.quickstart()["database_url"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(("variable", "offset"), [("PORT", 0), ("WS_PORT", 1)])
def test_the_error_names_the_port_in_use(light_stack: FakeStack, variable: str, offset: int) -> None:
    port = light_stack.port + offset
    with socket.create_server(("127.0.0.1", port)):
        light_stack.launch()

        code, _, errors = light_stack.finish()

    assert (code, errors) == (1, f"error: {variable}: cannot listen on 127.0.0.1:{port}: Address already in use\n")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"DATABASE_URL": "postgresql://pms:hidden@127.0.0.1:1/pms"}, "error: DATABASE_URL: connection failed"),
        ({"REDIS_URL": "redis://:hidden@127.0.0.1:1/0"}, "error: REDIS_URL: Error 111 connecting"),
        ({"DATABASE_URL": "mysql://pms:hidden@127.0.0.1/pms"}, "error: DATABASE_URL must begin with postgres://"),
        ({"PORT": "http"}, "error: PORT must be a number from 1 to 65535, not 'http'"),
        ({"HOST": "192.0.2.1"}, "error: PORT: cannot listen on 192.0.2.1"),
    ],
)
def test_a_wrong_setting_is_a_one_line_error(light_stack: FakeStack, environment: dict[str, str], message: str) -> None:
    light_stack.launch(**environment)

    code, _, errors = light_stack.finish()

    assert code == 1
    assert errors.startswith(message)
    assert len(errors.splitlines()) == 1
    assert "hidden" not in errors
    assert not light_stack.quickstart_path.exists()


def test_a_data_dir_that_is_a_file_is_a_one_line_error(light_stack: FakeStack) -> None:
    light_stack.data_dir.write_text("")
    light_stack.launch()

    code, _, errors = light_stack.finish()

    assert (code, errors) == (1, f"error: DATA_DIR {light_stack.data_dir} cannot be used: File exists\n")


def test_a_data_dir_without_write_permission_is_a_one_line_error(
    make_stack: Callable[..., FakeStack], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    prefix = as_ordinary_user(home)
    home.chmod(0o500)
    stack = make_stack(home / "data", prefix)
    stack.launch()

    code, _, errors = stack.finish()

    assert (code, errors) == (1, f"error: DATA_DIR {stack.data_dir} cannot be used: Permission denied\n")


def test_the_stack_runs_as_an_ordinary_user(make_stack: Callable[..., FakeStack], tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    stack = make_stack(home / "data", as_ordinary_user(home))

    quickstart = stack.start()
    with psycopg.connect(quickstart["database_url"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    owners = {path.stat().st_uid for path in (stack.data_dir, stack.data_dir / "postgres/data", stack.quickstart_path)}
    stack.send(signal.SIGINT)

    assert stack.finish()[0] == 0
    assert owners == {home.stat().st_uid}
    assert processes_of(stack.data_dir) == []
