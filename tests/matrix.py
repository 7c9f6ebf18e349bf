"""Writes docs/matrix.md from what the tests found to work.

    python -m pytest tests/scale --matrix runs/matrix.json
    python -m tests.matrix runs/matrix.json > docs/matrix.md

A cell is ticked where its test ran and passed; it is empty where it failed or did not
run.
"""

import json
import pathlib
import sys

WAYS = {
    "2 replicas": "losses and metrics of 20 steps on two devices equal those of one, "
    "to 1e-5, whatever the replicas' shares of ignored pixels",
    "4 replicas": "the same on four devices",
    "2 workers": "three epochs on two processes on loopback have the losses and "
    "metrics of one process, to 1e-6",
    "bfloat16": "the loss over 30 steps in `mixed_bfloat16` is within 5 % of "
    "float32's, that of the first step within 0.5 %",
    "float16": "the same in `mixed_float16`, within 10 %: loss scaling skips some of "
    "the first steps",
    "XLA": "5 steps with compiled ops have the losses of ops without XLA, to 1e-6, and "
    "20 to 1e-3",
    "JAX": "2 steps on the JAX backend have the losses of TensorFlow's, to 1e-4, and "
    "4 to 1 %",
    "PyTorch": "the same on the PyTorch backend",
    "export": "the SavedModel predicts the same classes as the model",
}


def table(found, networks):
    """The lines of the Markdown page."""
    yield "# Tested combinations"
    yield ""
    yield "Small networks, each with all of its heads; `make matrix` writes this page."
    yield ""
    yield f"| network | {' | '.join(WAYS)} |"
    yield f"| --- |{' :-: |' * len(WAYS)}"
    for network in networks:
        ticks = ["✓" if (network, way) in found else " " for way in WAYS]
        yield f"| {network} | {' | '.join(ticks)} |"
    yield ""
    yield from (f"- {way}: {meaning}." for way, meaning in WAYS.items())


if __name__ == "__main__":
    notes = json.loads(pathlib.Path(sys.argv[1]).read_text())
    found = {tuple(note) for note in notes}
    networks = list(dict.fromkeys(network for network, _ in notes))
    print(*table(found, sorted(networks)), sep="\n")
