"""The fork server: a process without secrets that has imported the decoders and forks one when asked.

It is started by ``python -m``, so that it inherits neither memory, nor threads, nor sockets of the web server, and
its environment holds no credentials. A child that ended stays unreaped until the pool asks for its status: until
then its process number is not given to anybody else, so the pool can never kill a stranger.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys

from app.confine.decoder import Limits, leave_the_network, serve

_LONGEST_ORDER = 4096
_OURS_ALONE = "MALLOC_"  # what the environment tells glibc of decoders is not meant for the programs that they start


def _fork(control: socket.socket, job: socket.socket, limits: Limits) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        control.close()
        serve(job, limits)
        status = 0
    finally:
        os._exit(status)


def _serve(control: socket.socket, limits: Limits) -> None:
    children: set[int] = set()
    while True:
        order, descriptors, _, _ = socket.recv_fds(control, _LONGEST_ORDER, 1)
        if not order:
            break
        told = json.loads(order)
        if told["do"] == "fork":
            with socket.socket(fileno=descriptors[0]) as job:
                pid = _fork(control, job, limits)
            children.add(pid)
            control.send(json.dumps({"pid": pid}).encode())
        else:
            _, status = os.waitpid(told["pid"], 0)
            children.discard(told["pid"])
            control.send(json.dumps({"status": status}).encode())
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def main() -> None:
    """Import what decodes, say so, then fork on demand until the pool's end of the socket closes."""
    told = json.loads(sys.argv[2])
    for name in [name for name in os.environ if name.startswith(_OURS_ALONE)]:
        del os.environ[name]
    with socket.socket(fileno=int(sys.argv[1])) as control:
        leave_the_network()  # before any library can start a thread: then it is not allowed any more
        for module in told["preload"]:
            importlib.import_module(module)
        gc.collect()
        gc.freeze()
        control.send(b'{"ready":true}')
        _serve(control, Limits(**told["limits"]))


if __name__ == "__main__":
    main()
