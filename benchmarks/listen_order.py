"""The input and the output of `benchmarks.listen`."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Order:
    """Both servers, and how much to measure."""

    limit_port: int
    limit_pid: int
    our_port: int
    our_pid: int
    api_key: str
    sockets: int
    rounds: int


@dataclass(slots=True)
class Measurement:
    """Milliseconds from each publication to the last client, and kilobytes of server memory per client."""

    limit_ms: list[float] = field(default_factory=list)
    our_ms: list[float] = field(default_factory=list)
    limit_kb: float = 0
    our_kb: float = 0
