"""The rules themselves, behind a pipe: build/tests/market_driver."""
import calendar
import functools
import json
import os
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def program():
    folder = pathlib.Path(os.environ.get("BOURSE_BIN", ROOT / "build"))
    return folder / "tests" / "market_driver"


@functools.lru_cache(maxsize=65536)
def seconds(text):
    """A time of the driver's JSON; null is 0."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) if text else 0


class Driver:
    def __init__(self):
        self.process = subprocess.Popen([program()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def ask(self, **command):
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise AssertionError(f"the rules ended with {self.process.wait()} at {command}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
