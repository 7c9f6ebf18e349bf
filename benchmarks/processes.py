"""Measurement of a function's time and peak memory in a separate process.

`cost` runs a module in a new process, in which `print_cost` measures.
"""

import os
import resource
import subprocess
import sys
import time


def print_cost(function, repeats=5, seconds=60):
    """Prints the milliseconds of the first and of the best later call, and MB.

    `function` takes no arguments and returns a tuple whose first item is an eager
    tensor. The first call includes tracing and compilation. It is followed by
    `repeats - 1` others, or fewer, but at least one, if they take longer than
    `seconds`. Memory is the peak of the process above the level before the first call.
    """
    before = peak()
    times = []
    while len(times) < 2 or (len(times) < repeats and sum(times[1:]) < 1000 * seconds):
        start = time.perf_counter()
        result = function()
        result[0].numpy()
        times.append(1000 * (time.perf_counter() - start))
        del result
    print(f"{times[0]:.1f} {min(times[1:]):.1f} {(peak() - before) / 1024:.0f}")


def cost(module, *arguments):
    """Returns the numbers that `python -m module *arguments` prints, None on failure.

    The calling process has to be small, because a new process starts at its peak.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3"} | os.environ
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    return None if done.returncode else [float(x) for x in done.stdout.split()[-3:]]


def peak():
    """Returns the peak memory of the process in KiB, or of the GPU if there is one."""
    tf = sys.modules.get("tensorflow")
    if tf and tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
