"""The program that decodes one picture: reads its bytes from stdin, writes a line and the new content to stdout.

It is a separate process, so that servers and workers do not hold decoded pixels, wait for the interpreter lock or
crash because of a codec. It does not import Django, since it has to start quickly.

    python -m products.images.decoder rewrite|thumbnail PARENT
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from products.images.content import Refused, Written, make_thumbnail, rewrite
from products.images.limits import DECODER_BYTES, DECODER_CPU_SECONDS, DECODER_NICENESS

OPERATIONS: Final[dict[str, Callable[[bytes], Written]]] = {"rewrite": rewrite, "thumbnail": make_thumbnail}
_PR_SET_PDEATHSIG: Final = 1


def main(operation: str, parent: str) -> None:
    """Writes `ok EXTENSION WIDTH HEIGHT` and the content, or `refused CODE`."""
    _end_with(int(parent))
    os.nice(DECODER_NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (DECODER_CPU_SECONDS, DECODER_CPU_SECONDS + 1))
    with suppress(ValueError, OSError):  # the system has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (DECODER_BYTES, DECODER_BYTES))
    try:
        written = OPERATIONS[operation](sys.stdin.buffer.read())
    except Refused as refused:
        sys.stdout.buffer.write(f"refused {refused.code}\n".encode())
        return
    sys.stdout.buffer.write(f"ok {written.extension} {written.width} {written.height}\n".encode())
    sys.stdout.buffer.write(written.content)


def _end_with(parent: int) -> None:
    """Makes the kernel end this process when the thread that started it ends; only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("The process that started this one has ended.")


if __name__ == "__main__":
    main(*sys.argv[1:])
