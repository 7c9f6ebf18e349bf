"""Time and peak memory of a function, in a process that does nothing else.

`cost` runs a module as a process of its own, and there `print_cost` measures.
"""

import os
import resource
import subprocess
import sys
import time


def print_cost(function, repeats=5, seconds=60):
    """Prints the milliseconds of the first call and of the best other one, and MB.

    `function` takes nothing and returns a tuple that starts with an eager tensor. The
    first call is with tracing and compilation; of others there are `repeats - 1`, and
    fewer, but one, where that took longer than `seconds`. Memory is the most that the
    process had, above what it had before the first call.
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
    """What `python -m module *arguments` prints as `print_cost`, None if it fails.

    The calling process has to be small: its own peak is where a new one's starts.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    return None if done.returncode else [float(x) for x in done.stdout.split()[-3:]]


def peak():
    """The most memory that the process ever had, in KiB: a GPU's where there is one."""
    tf = sys.modules.get("tensorflow")
    if tf and tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
