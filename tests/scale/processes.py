"""Starts `tests.scale.train` in processes of their own, one or several that connect."""

import contextlib
import json
import os
import socket
import subprocess
import sys

from tests.paths import ROOT

SECONDS = 600
FLOAT64 = "--policy", "float64"


def start(*arguments, workers=1, backend="tensorflow"):
    """The processes of as many machines on loopback, each with its `TF_CONFIG`."""
    command = [sys.executable, "-m", "tests.scale.train", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["KERAS_BACKEND"] = backend
    cluster = {"worker": [f"localhost:{port}" for port in _free_ports(workers)]}
    started = []
    for index in range(workers):
        if workers > 1:
            task = {"type": "worker", "index": index}
            environment["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, env=environment, cwd=ROOT, **pipes))
    return started


def results(processes):
    """Returns the results that the processes printed, once all have succeeded."""
    outputs = [process.communicate(timeout=SECONDS) for process in processes]
    for process, (_, errors) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, errors[-4000:]
    return [json.loads(printed.splitlines()[-1]) for printed, _ in outputs]


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]
