"""Every task is on a queue, and every queue has a worker with enough threads."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from pms_backend.celery import app
from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.programs import (
    CONNECTIONS,
    DELIVERY_THREADS,
    PMS_THREADS,
    SYNC_THREADS,
    WORKER_THREADS,
    stack_of,
)
from pms_backend.standalone.quickstart import PIDS
from tests.architecture.sources import ROOT

QUEUES = {"relay", "sync", "pms", "deliveries", "default"}
HEARTBEAT = "pms_backend.operations.tasks.record_heartbeat"


def worker_commands() -> dict[str, Sequence[str]]:
    """The commands of Celery's workers by name."""
    stack = stack_of(Configuration.from_environment({"DATA_DIR": "/nowhere"}))
    return {one.name: one.arguments for one in stack.programs if "worker" in one.arguments}


def option(command: Sequence[str], name: str) -> str:
    return command[command.index(name) + 1]


def queues_of(commands: dict[str, Sequence[str]]) -> dict[str, str]:
    """The queues by the worker's name."""
    return {queue: name for name, command in commands.items() for queue in option(command, "--queues").split(",")}


@pytest.fixture(autouse=True, scope="module")
def _tasks_are_found() -> None:
    app.autodiscover_tasks(force=True)


def our_tasks() -> set[str]:
    return {name for name in app.tasks if not name.startswith("celery.")}


def test_the_queues_are_those_of_the_design():
    assert set(settings.QUEUES) == QUEUES


def test_every_task_is_on_one_queue():
    listed = [task for tasks in settings.QUEUES.values() for task in tasks]

    assert sorted([*listed, HEARTBEAT]) == sorted(our_tasks())
    assert {name: app.amqp.router.route({}, name)["queue"].name for name in listed} == {
        task: queue for queue, tasks in settings.QUEUES.items() for task in tasks
    }


def test_beat_sends_existing_tasks_and_a_heartbeat_to_every_queue():
    entries = list(settings.CELERY_BEAT_SCHEDULE.values())
    heartbeats = [entry for entry in entries if entry["task"] == HEARTBEAT]

    assert {entry["task"] for entry in entries} == our_tasks()
    assert {(*entry["args"], entry["options"]["queue"]) for entry in heartbeats} == {(queue, queue) for queue in QUEUES}
    assert all("queue" not in entry["options"] for entry in entries if entry["task"] != HEARTBEAT)
    for entry in entries:
        # What Celery itself checks before it sends: a task that cannot take its arguments is never sent.
        app.tasks[entry["task"]].__header__(*entry.get("args", ()))


def test_every_queue_has_a_worker():
    workers = queues_of(worker_commands())

    assert set(workers) == QUEUES
    assert set(workers.values()) == set(PIDS["worker"])
    assert set(PIDS["worker"]) <= set(CONNECTIONS)


def test_docker_compose_asks_each_worker_for_its_health():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    for name in worker_commands():
        assert f"--destination {name}@$$HOSTNAME" in " ".join(services[name]["healthcheck"]["test"])


@pytest.mark.parametrize(
    ("worker", "threads"),
    [("sync", SYNC_THREADS), ("pms", PMS_THREADS), ("deliveries", DELIVERY_THREADS), ("worker", WORKER_THREADS)],
)
def test_no_kind_of_task_can_use_all_threads_of_its_worker(worker: str, threads: int):
    command = worker_commands()[worker]
    queues = option(command, "--queues").split(",")
    functions = [app.tasks[task].run for queue in queues for task in settings.QUEUES[queue]]

    limits = {function.limit for function in functions}
    assert (option(command, "--pool"), int(option(command, "--concurrency"))) == ("threads", threads)
    # One stays free, for the heartbeats.
    assert sum(limit.limit for limit in limits) + 1 == threads
    assert CONNECTIONS[worker] == threads


def test_the_relay_publishes_in_one_process():
    assert option(worker_commands()["relay"], "--pool") == "solo"


def test_the_documents_name_every_queue():
    for name in ("architecture.md", "operations.md"):
        named = set(re.findall(r"`([a-z]+)`", Path(ROOT / "docs" / name).read_text()))
        assert named >= QUEUES, name
