"""What the listener is told, and what it answers."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Order:
    """Where both servers are, and how much to do."""

    limit_port: int
    limit_pid: int
    our_port: int
    our_pid: int
    api_key: str
    sockets: int
    rounds: int


@dataclass(slots=True)
class Answer:
    """Milliseconds from each publication to the last client, and kilobytes of the server's memory for a client."""

    limit_ms: list[float] = field(default_factory=list)
    our_ms: list[float] = field(default_factory=list)
    limit_kb: float = 0
    our_kb: float = 0
