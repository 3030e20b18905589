"""Programs that run beside tests: what they bring about is waited for, however slow a machine is, and all are ended.

A wait ends as soon as it may. Its limit costs nothing when all goes well, and is far beyond what a busy machine takes.
"""

import subprocess
import time

PATIENCE_SECONDS = 300


def eventually(ask, told=None, seconds=PATIENCE_SECONDS):
    """Ask until the answer is true, and return it; what `told` says goes with the failure."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"it did not come to be: {told() if told else answer}"
        time.sleep(0.2)
    return answer


def end(process):
    """Tell a program to end and wait until it has; one that does not is killed, and fails the test."""
    process.terminate()
    try:
        process.wait(timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
