"""The account that the embedded servers run as.

PostgreSQL refuses to run as root, and Redis is safer without it, so root starts both as `nobody`, or as the owner of
existing data. That account owns `DATA_DIR/postgres` and `DATA_DIR/redis` and nothing else. No mode is changed above
DATA_DIR or in the virtual environment: where the account cannot read these (a home directory, a directory made by
mkdtemp), the servers get the ambient capability CAP_DAC_READ_SEARCH, which lets them read everything and write nothing
more. Containers often lack it in their bounding set and have CAP_DAC_OVERRIDE, which the servers get in its place.

A capability needs `no_setuid_fixup`: without it access(2), by which initdb checks its binaries, ignores the
capabilities of an account other than root. `no_new_privs` always applies: no process of the servers gains a privilege.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pms_backend.standalone.exceptions import StartupError

UNPRIVILEGED = "nobody"
# Their bits in CapBnd of /proc/self/status, the lesser privilege first.
CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}
SHARED_DIRECTORY = 0o710


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int
    prefix: tuple[str, ...]  # makes a command line run as this account

    def create_directory(self, directory: Path) -> None:
        """Creates a directory that belongs to this account and is closed to all others."""
        directory.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(directory, self.uid, self.gid)

    def allow_passage(self, directory: Path) -> None:
        """Lets this account's group reach known paths below a directory of root's, without listing it."""
        if os.geteuid() == 0:
            os.chown(directory, 0, self.gid)
            directory.chmod(SHARED_DIRECTORY)


def server_account(data: Path) -> Account:
    """Returns the caller's account; for root that of the owner of `data`, or `nobody` if it is new or root's."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), ())
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StartupError("as root the embedded servers need setpriv (util-linux); without it start as another user")
    uid, gid = _identity(data)
    drop = (setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs", "--inh-caps=-all")
    return Account(uid, gid, drop)


def with_access(account: Account, files: tuple[Path, ...]) -> Account:
    """Returns the account, with a capability to read these files if it needs one. Raises `StartupError`."""
    if not account.prefix or all(_can_read(account, file) for file in files):
        return account
    capability = _capability()
    if capability is None:
        raise StartupError(f"the account {account.uid} cannot reach {files[0]}: move it where all users may read")
    grant = (f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}", "--securebits=+no_setuid_fixup")
    return Account(account.uid, account.gid, (*account.prefix[:-1], *grant))


def _identity(data: Path) -> tuple[int, int]:
    if data.exists() and (owner := data.stat()).st_uid:
        return owner.st_uid, owner.st_gid
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise StartupError(f"PostgreSQL cannot run as root, and there is no account {UNPRIVILEGED}") from None
    return entry.pw_uid, entry.pw_gid


def _can_read(account: Account, path: Path) -> bool:
    """Tests it as that account, so that access control lists and security modules count too."""
    return subprocess.run((*account.prefix, "test", "-r", path), stdin=subprocess.DEVNULL, check=False).returncode == 0


def _capability() -> str | None:
    status = Path("/proc/self/status").read_text()
    bounding = int(status.partition("CapBnd:")[2].split()[0], 16)
    return next((name for name, bit in CAPABILITIES.items() if bounding >> bit & 1), None)
