"""Starts the project's programs for a test session and stops them by process id.

A program's stdout and stderr go to files, so that a full pipe can never block it and a failed test
can show what it said. The programs are built beforehand: by `scripts/test.sh`, or by hand with
`cargo build --workspace`.
"""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

REPOSITORY = Path(__file__).resolve().parents[3]

# Long enough for a debug build on a busy machine, short enough to notice a program that hangs.
START_TIMEOUT_SECONDS = 30.0
POLL_INTERVAL_SECONDS = 0.02

Value = TypeVar("Value")


def program_path(name: str) -> Path:
    """The built program `name`, from `CONFORMANCE_BIN_DIR` or the debug folder of the Cargo target directory."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    directory = Path(os.environ.get("CONFORMANCE_BIN_DIR", target / "debug"))
    path = directory / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; build it with `cargo build --workspace` or run scripts/test.sh")
    return path


def wait_for(
    description: str, probe: Callable[[], Value | None], timeout_seconds: float = START_TIMEOUT_SECONDS
) -> Value:
    """Calls `probe` until it returns something true, and returns that; raises `TimeoutError` at the bound."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {timeout_seconds} s in vain for {description}")
        time.sleep(POLL_INTERVAL_SECONDS)


class Program:
    """One running program."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        environment: Mapping[str, str],
        log_directory: Path,
    ) -> None:
        self.name = Path(arguments[0]).name
        self._stdout_path = log_directory / f"{self.name}.stdout.log"
        self._stderr_path = log_directory / f"{self.name}.stderr.log"
        with self._stdout_path.open("wb") as stdout, self._stderr_path.open("wb") as stderr:
            self._process = subprocess.Popen(
                [str(argument) for argument in arguments],
                # Nothing is inherited but what a program needs to run, so that no setting of the
                # developer's shell changes a result.
                env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def stdout(self) -> str:
        return self._stdout_path.read_text(errors="replace")

    def stderr(self) -> str:
        return self._stderr_path.read_text(errors="replace")

    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_for(self, description: str, probe: Callable[[], Value | None]) -> Value:
        """Like `wait_for`, but gives up with the program's own words as soon as it has ended."""

        def probe_while_running() -> Value | None:
            if not self.is_running():
                raise RuntimeError(
                    f"{self.name} ended with code {self._process.returncode} before {description}\n"
                    f"stdout:\n{self.stdout()}\nstderr:\n{self.stderr()}"
                )
            return probe()

        return wait_for(f"{description} of {self.name}", probe_while_running)

    def wait_for_address(self) -> str:
        """The URL of the line `listening on URL`."""
        marker = "listening on "

        def find_address() -> str | None:
            for line in self.stdout().splitlines(keepends=True):
                if line.startswith(marker) and line.endswith("\n"):
                    return line.removeprefix(marker).strip().rstrip("/")
            return None

        return self.wait_for("the line 'listening on URL'", find_address)

    def stop(self) -> None:
        """Ends the process by its id: SIGTERM, and SIGKILL if that is not heard."""
        if not self.is_running():
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=10)
