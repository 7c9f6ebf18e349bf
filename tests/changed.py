"""Prints the tests of what differs from a commit, one file a line: for `make check`.

Run:    python -m tests.changed [COMMIT]

A changed module has the test file of its name, a changed test file itself. Where
nothing changed that has a test of its own, it is the tests of the mathematics.
"""

import pathlib
import subprocess
import sys

from tests.paths import ROOT

MATHEMATICS = ("tests/ops", "tests/layers", "tests/losses", "tests/metrics")


def changed_files(commit):
    """Paths of tracked and new files that differ from a commit, below the root."""
    commands = (
        ("git", "diff", "--name-only", "--diff-filter=d", commit),
        ("git", "ls-files", "--others", "--exclude-standard"),
    )
    lines = [
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        for command in commands
    ]
    return sorted({path for line in lines for path in line.stdout.split()})


def files_that_test(path):
    """The test files of a file, which may be none."""
    path = pathlib.PurePosixPath(path)
    if path.suffix != ".py":
        return []
    if path.parts[0] == "tests":
        return [str(path)] if path.name.startswith("test_") else []
    name = f"test_{path.stem}.py"
    return [str(p.relative_to(ROOT)) for p in sorted((ROOT / "tests").rglob(name))]


def main(commit="HEAD"):
    found = {test for path in changed_files(commit) for test in files_that_test(path)}
    print(*(sorted(found) or MATHEMATICS), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
