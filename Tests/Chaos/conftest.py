"""The suite's own tests: that it can see a loss, and does what it says to the connections."""

import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent / "Integration")]
