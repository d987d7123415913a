"""A program of the fake stack: `fake_program.py ROLE`. It imports nothing but the standard library."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import NoReturn

CREDENTIALS = {
    "admin": {"username": "admin", "password": "fake-password"},
    "api_key": "prefix.key",
    "pms": {"connection": "demo", "webhook_secret": "whsec_c2VjcmV0"},
}
ANSWER = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
CHECKS = ("database", "migrations", "redis", "worker", "relay", "beat", "sockets")


def sockets_accept() -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(os.environ["WS_PORT"])), 1).close()
    except OSError:
        return False
    return True


def serve(listener: socket.socket) -> NoReturn:
    while True:
        client, _ = listener.accept()
        with client:
            is_allowed = os.environ.get("FAKE_HOST", "").encode() in client.recv(1000)
            checks = {name: {"status": "ok", "detail": "it works"} for name in CHECKS}
            if not sockets_accept():
                checks["sockets"] = {"status": "failed", "detail": "it is away"}
            body = json.dumps({"checks": checks}).encode() if is_allowed else b""
            client.sendall(ANSWER % (b"200 OK" if is_allowed else b"400 Bad Request", len(body), body))


def main(role: str, *options: str) -> None:
    fault = json.loads(os.environ.get("FAKE_FAULTS", "{}")).get(role)
    if fault == "fail":
        print(f"the reason why {role} failed", file=sys.stderr)
        sys.exit(3)
    if fault == "hang":
        time.sleep(600)
    if fault == "ignore_sigterm":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if role == "load_sample_data":
        print(f"loading\n{'nonsense' if fault == 'nonsense' else json.dumps(CREDENTIALS)}")
        print("a warning of the interpreter's end", file=sys.stderr)
    if role in {"migrate", "load_sample_data"}:
        return
    print(f"{role} runs", flush=True)
    # Like a process of a pool: it is in its parent's process group, and outlives a parent that is killed.
    subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    # In the only thread: a process that was killed ends with its first thread, and others accept for a moment more.
    if options[:1] == ("--bind",):
        serve(socket.socket(fileno=int(options[1].removeprefix("fd://"))))
    if role == "sockets":
        serve(socket.create_server(("127.0.0.1", int(os.environ["WS_PORT"]))))
    while True:
        time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
