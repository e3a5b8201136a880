"""The parent of the workers and commands that tests start: a process that has imported them already, and forks.

The imports take a second of CPU of a worker, half of one of a command, which most tests have no use for. What is
started here is a process like any other: its own session, environment, directory and output. Run by `forks`, with a
socket as its standard input, by which each process of tests hands over one of its own. To each such one it forks a
parent of the workers and commands asked for there, which ends with that process of tests, and they with their parent.
"""

import ctypes
import gc
import json
import os
import signal
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
# What a worker imports when it begins to run: nine hundredths of a start.
LATE = (
    *("app.early", "app.standard_streams", "encodings.idna", "faust.app.router", "faust.events", "faust.stores.base"),
    *("faust.tables.objects", "faust.tables.sets", "faust.topics", "faust.transport.utils"),
)
MOST_BYTES = 1 << 20  # of a request: an environment and a command line


def main() -> None:
    """Import what the arguments name, and serve. Returns in each child only, which then runs what was asked for."""
    sys.path[0] = str(Path(sys.executable).parent)  # as the console script has it
    root = str(Path.cwd())
    sys.path.append(root)
    for name in sys.argv[1:]:
        import_module(name)
    sys.path.remove(root)
    for name in LATE:
        import_module(name)
    # What Faust looks for at each start among all packages that are installed: plug-ins.
    list(import_module("faust.fixups").FIXUPS.iterate())
    import_module("faust.web.cache.backends").by_name("memory")
    gc.collect()
    gc.freeze()  # the pages stay shared
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a parent ended
    with socket.socket(fileno=os.dup(0)) as tests:
        while True:
            message, handed, _, _ = socket.recv_fds(tests, 1, 1)
            if not message:
                os._exit(0)
            if not os.fork():
                break
            os.close(handed[0])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    with socket.socket(fileno=handed[0]) as requests:
        requests.send(b"{}")
        _serve(requests)


def _serve(requests: socket.socket) -> None:
    """Fork what is asked for; returns in each child."""
    while True:
        message, streams, _, _ = socket.recv_fds(requests, MOST_BYTES, 3)
        if not message:
            os._exit(0)
        request = json.loads(message)
        if "poll" in request:
            requests.send(json.dumps(_status(request["poll"])).encode())
        elif "threads" in request:
            requests.send(str(len(list(Path("/proc/self/task").iterdir()))).encode())
        elif os.fork():
            for stream in streams:
                os.close(stream)
        else:
            _become(request, streams)
            requests.send(str(os.getpid()).encode())  # from here on it is what was asked for
            return


def end_with_parent() -> None:
    """Have this process killed when the one ends that has forked it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _status(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _become(request: dict[str, Any], streams: list[int]) -> None:
    os.setsid()
    end_with_parent()
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv[:] = request["argv"]  # in place: Faust has kept the list
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if Path(path[0], "planted_bug.py").exists():  # see `bug` of tests/engine/harness.py
        sys.path[1:1] = path
        import_module("planted_bug").install()


def run() -> NoReturn:
    """What the console script does, of ``faust`` or of ``rollcall``."""
    main()
    if Path(sys.argv[0]).name == "rollcall":
        sys.exit(import_module("rollcall").main())
    sys.exit(import_module("faust.cli.faust").cli())


if __name__ == "__main__":
    run()
