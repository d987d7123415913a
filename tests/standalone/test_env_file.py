"""`.env` is read as docker compose reads it, by what starts something, and loses against the environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pms_backend.standalone import PROJECT, env_file
from pms_backend.standalone.env_file import load_env_file
from pms_backend.standalone.exceptions import StartupError
from tests.standalone.running import FakeStack

COMMAND = "import os, json; print(json.dumps(dict(os.environ)))"


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment that has nothing."""
    environ: dict[str, str] = {}
    monkeypatch.setattr("os.environ", environ)
    return environ


def own(environ: dict[str, str]) -> dict[str, str]:
    """The variables without those that pytest sets meanwhile."""
    return {name: value for name, value in environ.items() if not name.startswith("PYTEST_")}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `.env` of a project."""
    monkeypatch.setattr(env_file, "PROJECT", tmp_path)
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=plain # a comment", "plain"),
        ("NAME=a#b", "a#b"),
        ("  export NAME = spaced  ", "spaced"),
        ("NAME='$5 # \\n'", "$5 # \\n"),
        ('NAME="two\\nlines" # a comment', "two\nlines"),
        ("NAME='two\nlines'", "two\nlines"),
        ('NAME={"editor": ["products:read"]}', '{"editor": ["products:read"]}'),
        ("NAME=redis://:${PASSWORD}@host", "redis://:secret@host"),
        ("NAME=${NOWHERE:-default}", "default"),
        ("NAME=windows\r", "windows"),
        ("\ufeffNAME=marked", "marked"),
    ],
)
def test_a_value_is_read_as_compose_reads_it(path: Path, environ: dict[str, str], line: str, value: str) -> None:
    path.write_text(f"{line}\nPASSWORD=secret\n" if "PASSWORD" not in line else f"PASSWORD=secret\n{line}\n")

    load_env_file()

    assert environ["NAME"] == value


def test_the_environment_wins_and_an_empty_value_counts_as_not_set(path: Path, environ: dict[str, str]) -> None:
    path.write_text("MINE=theirs\nEMPTIED=theirs\nABSENT=\nALONE\nPOSTGRES_PASSWORD=only-of-compose\n")
    environ |= {"MINE": "mine", "EMPTIED": ""}

    load_env_file()

    assert own(environ) == {"MINE": "mine", "EMPTIED": "", "POSTGRES_PASSWORD": "only-of-compose"}


def test_interpolation_takes_the_environment_first(path: Path, environ: dict[str, str]) -> None:
    path.write_text("PASSWORD=theirs\nNAME=${PASSWORD}\n")
    environ["PASSWORD"] = "mine"

    load_env_file()

    assert environ["NAME"] == "mine"


@pytest.mark.parametrize(("written", "read"), [("two", "{}/two"), ("/else/where", "/else/where")])
def test_a_relative_data_dir_is_relative_to_the_file(
    path: Path, environ: dict[str, str], written: str, read: str
) -> None:
    path.write_text(f"DATA_DIR={written}\n")

    load_env_file()

    assert environ["DATA_DIR"] == read.format(path.parent)


def test_the_tests_read_no_file_of_a_developer() -> None:
    assert os.environ["ENV_FILE"] == os.devnull


def test_without_the_file_nothing_happens(path: Path, environ: dict[str, str]) -> None:
    load_env_file()

    assert own(environ) == {}


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b"A=1\n\n\nnot a line\n", 4, "it is not NAME=VALUE, or a quote is not closed"),
        (b"A=1\n# fine\nB='secret\nC=2\n", 3, "it is not NAME=VALUE, or a quote is not closed"),
        (b"A=1\nB=\0\n", 2, "it is not NAME=VALUE, or a quote is not closed"),
        (b"A=1\nB=\xff\n", 2, "it is not UTF-8"),
    ],
)
def test_what_is_malformed_is_named_with_its_line(
    path: Path, environ: dict[str, str], content: bytes, line: int, why: str
) -> None:
    path.write_bytes(content)

    with pytest.raises(StartupError) as caught:
        load_env_file()

    assert str(caught.value) == f"{path}, line {line}: {why}"
    assert own(environ) == {}


PROGRAMS = (
    ("manage.py", "version"),
    ("-m", "pms_backend.standalone"),
    pytest.param(("-m", "pms_backend.standalone.demo"), marks=pytest.mark.slow),
    pytest.param(("-m", "pms_backend.standalone.programs", "web"), marks=pytest.mark.slow),
)


@pytest.mark.parametrize("program", PROGRAMS, ids=" ".join)
def test_a_file_that_cannot_be_read_stops_the_start_with_one_line(program: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        (sys.executable, *program), cwd=PROJECT, env={**os.environ, "ENV_FILE": str(tmp_path)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {tmp_path}: Is a directory\n")


def test_a_program_finds_what_the_file_has(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("NAME=theirs\n")

    done = subprocess.run(
        (sys.executable, "-m", "pms_backend.standalone.programs", sys.executable, "-c", COMMAND),
        cwd=PROJECT, env={**os.environ, "ENV_FILE": str(tmp_path / "env")}, capture_output=True, check=True,
    )  # fmt: skip

    assert json.loads(done.stdout)["NAME"] == "theirs"


def setting(name: str, **environment: str) -> str:
    """What `manage.py` finds."""
    inherited = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
    code = f"from django.conf import settings as s; print(s.{name})"
    done = subprocess.run(
        (sys.executable, "manage.py", "shell", "--no-imports", "-v", "0", "-c", code),
        cwd=PROJECT, env={**inherited, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.slow
def test_manage_py_takes_the_environment_then_the_file_then_the_stack(tmp_path: Path) -> None:
    stack = {"DATABASE_URL": "postgresql:///theirs", "REDIS_URL": "redis://stack", "METRICS_DIR": str(tmp_path)}
    (tmp_path / "environment.json").write_text(json.dumps(stack))
    (tmp_path / "env").write_text("REDIS_URL=redis://file\nDATA_DIR=.\nTIME_ZONE=Europe/Berlin\n")
    names = "DATABASES['default']['NAME'], s.REDIS_URL, s.TIME_ZONE"

    found = setting(names, ENV_FILE=str(tmp_path / "env"), TIME_ZONE="Europe/Paris")

    assert found == "theirs redis://file Europe/Paris"


@pytest.mark.slow
def test_a_copy_of_the_example_that_is_filled_in_starts_the_stack(light_stack: FakeStack, tmp_path: Path) -> None:
    example = (PROJECT / ".env.example").read_text()
    (tmp_path / "env").write_text("".join(f"{line}{'filled' * line.endswith('=')}\n" for line in example.splitlines()))

    quickstart = light_stack.start(ENV_FILE=str(tmp_path / "env"))

    assert quickstart["base_url"] == f"http://127.0.0.1:{light_stack.port}"
    written = json.loads((light_stack.data_dir / "environment.json").read_text())
    assert (written["SECRET_KEY"], written["FIELD_ENCRYPTION_KEYS"]) == ("filled", "filled")


@pytest.mark.slow
def test_a_stack_behind_a_proxy_prints_the_proxy_s_urls(light_stack: FakeStack, tmp_path: Path) -> None:
    (tmp_path / "env").write_text("HTTPS=1\nALLOWED_HOSTS=pms.example.com\n")

    quickstart = light_stack.start(ENV_FILE=str(tmp_path / "env"), FAKE_HOST="pms.example.com")

    assert (quickstart["base_url"], quickstart["ws_url"]) == (
        "https://pms.example.com",
        "wss://pms.example.com/ws/stock/",
    )
