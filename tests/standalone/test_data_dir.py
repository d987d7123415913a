import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from pms_backend.standalone import data_dir, limits
from pms_backend.standalone.data_dir import DataDir, read_json, write_json, write_private
from pms_backend.standalone.exceptions import StartupError


@pytest.fixture
def directory(tmp_path: Path) -> DataDir:
    made = DataDir(tmp_path / "data")
    made.create()
    return made


def test_a_private_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    with path.open() as reader:
        write_private(path, "new")

        assert reader.read() == "old"
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def no_space(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_private(path, "new")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_missing_is_empty_and_one_that_is_damaged_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    assert read_json(path) == {}

    for damage in ('{"cut', "[]"):
        path.write_text(damage)
        with pytest.raises(StartupError, match=r"file\.json is damaged"):
            read_json(path)


def test_a_secret_is_generated_once(directory: DataDir) -> None:
    first = directory.secret("name", lambda: "first")

    assert first == "first"
    assert DataDir(directory.root).secret("name", lambda: "second") == "first"
    assert directory.secret("other", lambda: "third") == "third"


def test_only_one_process_holds_the_lock_and_the_error_names_it(directory: DataDir) -> None:
    other = DataDir(directory.root)

    refused = pytest.raises(StartupError, match=f"in use by the process with pid {os.getpid()}$")
    with directory.lock(), refused, other.lock():
        pytest.fail("two hold the lock")

    with other.lock():
        pass


def test_a_full_disk_is_refused(directory: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.require_space()

    free = limits.MINIMUM_FREE_BYTES - 1
    monkeypatch.setattr(data_dir.shutil, "disk_usage", lambda _path: SimpleNamespace(free=free))

    with pytest.raises(StartupError, match=r"has only 255 MB free, 256 MB are needed$"):
        directory.require_space()


def test_metrics_of_the_last_run_are_deleted(directory: DataDir) -> None:
    directory.empty_metrics()
    (directory.metrics / "old").write_text("")

    directory.empty_metrics()

    assert list(directory.metrics.iterdir()) == []


def test_written_json_is_read_again(tmp_path: Path) -> None:
    write_json(tmp_path / "file.json", {"a": [1]})

    assert read_json(tmp_path / "file.json") == {"a": [1]}
