"""`python -m cxloop.cli.leash FD MODULE …`: runs a module, as `python -m` does, that ends when its supervisor does.

FD is the reading end of a pipe on which nothing is ever said. When the supervisor ends, however it ends (also by
`kill -9`, when it can tell nobody), the system closes the other end, and that can be read. Works wherever there are
pipes; Linux alone has a signal for this.
"""

import os
import runpy
import signal
import sys
import threading
import time

GRACE = 8.0
"""Seconds to end in, once asked; after that a process is killed, with all that it started."""


def main() -> None:
    pipe, module, *arguments = sys.argv[1:]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    threading.Thread(target=_watch, args=(int(pipe),), daemon=True).start()  # inherits the mask: signals go past it
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _watch(pipe: int) -> None:
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.killpg(0, signal.SIGKILL)  # the group is this process's own: the supervisor started it so


if __name__ == "__main__":
    main()
