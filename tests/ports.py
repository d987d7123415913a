"""Ports for a stack that a test starts."""

import socket

from pms_backend.standalone.ports import LOOPBACK, free_port


def free_port_pair() -> int:
    """A free port whose next is free too; the kernel gives neither to outgoing connections."""
    while True:
        port = free_port()
        with socket.socket() as following:
            try:
                following.bind((LOOPBACK, port + 1))
            except OSError:
                continue
        return port
