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
    """What each round took, and kilobytes of server memory for each client."""

    # The moments, in seconds, of the commit of a change and of its receipt by the last client.
    rounds: list[tuple[float, float]] = field(default_factory=list)
    # From the message to the bare server until the last client has received it.
    limit_ms: list[float] = field(default_factory=list)
    # The CPU time of the two servers meanwhile.
    our_cpu_ms: list[float] = field(default_factory=list)
    limit_cpu_ms: list[float] = field(default_factory=list)
    our_kb: float = 0
    limit_kb: float = 0
    # All memory of our server, in megabytes, after the rounds.
    our_mb: float = 0
