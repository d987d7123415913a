"""Who the embedded servers run as.

PostgreSQL refuses to run as root, and Redis is safer without it, so root starts both as `nobody` (or as the owner of
the data that is there already). That account owns `DATA_DIR/postgres` and `DATA_DIR/redis` and nothing else; nobody's
modes are changed above DATA_DIR or in the virtual environment. Where one of these is closed to it (a home directory,
a directory made by mkdtemp), the servers are given one capability that reads past it, CAP_DAC_READ_SEARCH, as an
ambient one: it lets them look where root may look and write nowhere, and it is only given when it is needed.
Containers often lack that capability in their bounding set and have CAP_DAC_OVERRIDE instead, which is taken then.

`no_setuid_fixup` goes with it because access(2), by which initdb checks its binaries, ignores the capabilities of an
account that is not root without it. `no_new_privs` holds for all: nothing that the servers start gains a privilege
again.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pms_backend.standalone.exceptions import StartupError

UNPRIVILEGED = "nobody"
# Bits of CapBnd in /proc/self/status, the lesser privilege first.
CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}
SHARED_DIRECTORY = 0o710


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int
    prefix: tuple[str, ...]  # of every command line that shall run as this account

    def own(self, directory: Path) -> None:
        """Makes a directory of this account's, closed to all others."""
        directory.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(directory, self.uid, self.gid)

    def let_through(self, directory: Path) -> None:
        """Lets this account's group pass through a directory of root's, without seeing what is in it."""
        if os.geteuid() == 0:
            os.chown(directory, 0, self.gid)
            directory.chmod(SHARED_DIRECTORY)


def server_account(data: Path) -> Account:
    """The caller's own, or for root the owner of `data`, or `nobody` where that does not exist yet or is root's."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), ())
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StartupError("as root the embedded servers need setpriv (util-linux); without it start as another user")
    uid, gid = _identity(data)
    drop = (setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs", "--inh-caps=-all")
    return Account(uid, gid, drop)


def with_access(account: Account, files: tuple[Path, ...]) -> Account:
    """The same account, with the capability to reach these files if it cannot without."""
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
    """Asks the kernel as that account, which is right with access control lists and security modules too."""
    return subprocess.run((*account.prefix, "test", "-r", path), stdin=subprocess.DEVNULL, check=False).returncode == 0


def _capability() -> str | None:
    status = Path("/proc/self/status").read_text()
    bounding = int(status.partition("CapBnd:")[2].split()[0], 16)
    return next((name for name, bit in CAPABILITIES.items() if bounding >> bit & 1), None)
