import os
import platform
import subprocess
import sys

import pytest

RESERVED = """
import pathlib
import tensorflow as tf
from keras_seg.onednn import reserve_memory_pool

def bytes_of(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if name in line).split()[1])

tf.zeros(1)
size, memory = bytes_of("VmSize"), bytes_of("VmRSS")
reserve_memory_pool()
print(bytes_of("VmSize") - size, bytes_of("VmRSS") - memory)
"""


@pytest.mark.backend("tensorflow", "its memory pool")
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="Linux alone")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="oneDNN is not built in")
@pytest.mark.parametrize("onednn", ["0", "1"])
def test_pool_is_reserved_without_taking_memory(onednn):
    run = [sys.executable, "-c", RESERVED]
    environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": onednn}
    done = subprocess.run(
        run, env=environment, capture_output=True, text=True, check=True
    )
    addresses, memory = map(int, done.stdout.split())
    assert (addresses >= 2**31) == (onednn == "1")
    assert memory < 2**31 / 20
