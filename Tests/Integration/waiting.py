"""Waiting for a condition with a deadline: the only way these tests synchronise."""

import time


def eventually(condition, seconds=20, what=None):
    """Polls until `condition()` is true (or something other than None or False) and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value is not None and value is not False:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        time.sleep(0.02)
