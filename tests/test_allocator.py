import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc has these settings"
)
PAGES_OF_LAST_ARRAY = """
import resource
import numpy as np
from keras_seg.allocator import keep_freed_memory
{call}
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(2**26, "uint8")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.parametrize(
    ("call", "keeps"), [("keep_freed_memory()", True), ("", False)]
)
def test_freed_memory_is_used_again(call, keeps):
    run = [sys.executable, "-c", PAGES_OF_LAST_ARRAY.format(call=call)]
    found = subprocess.run(run, capture_output=True, text=True, check=True)
    pages_of_array = 2**26 / 4096
    # Where the kernel uses pages of 2 MiB, fewer are requested.
    assert (int(found.stdout.split()[-1]) < pages_of_array / 1000) == keeps
