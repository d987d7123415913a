"""Ports for a system of the test's own."""

import socket

from pms_backend.standalone.ports import LOOPBACK, free_port


def free_port_pair() -> int:
    """A port that is free together with the next, neither of them one that the kernel gives to somebody's call."""
    while True:
        port = free_port()
        with socket.socket() as following:
            try:
                following.bind((LOOPBACK, port + 1))
            except OSError:
                continue
        return port
