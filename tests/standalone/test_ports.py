import socket
from pathlib import Path

import pytest

from pms_backend.standalone import ports
from pms_backend.standalone.exceptions import StartupError


def test_a_free_port_is_below_those_that_the_kernel_gives_to_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ephemeral = tmp_path / "range"
    ephemeral.write_text("11240\t60999\n")
    monkeypatch.setattr(ports, "EPHEMERAL_RANGE", ephemeral)

    found = {ports.free_port() for _ in range(50)}

    assert min(found) >= ports.FIRST_PORT
    assert max(found) < 11240


def test_a_port_that_another_listens_on_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(StartupError, match=f"^PORT: cannot listen on 127.0.0.1:{port}: Address already in use$"):
            ports.require_free("PORT", "127.0.0.1", port)

    ports.require_free("PORT", "127.0.0.1", port)
