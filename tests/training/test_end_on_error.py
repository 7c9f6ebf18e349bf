import subprocess
import sys

from tests.paths import ROOT

# A thread that is no daemon keeps the interpreter from ending, as TensorFlow may.
CODE = """
import threading
from keras_seg.training.end_on_error import end_on_error
end_on_error()
threading.Thread(target=threading.Event().wait).start()
print("told")
raise ValueError("a machine failed")
"""


def test_an_error_is_told_and_nothing_waited_for():
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout == "told\n"
    assert "ValueError: a machine failed" in done.stderr
