"""The part of scripts/measure.sh that needs a clock: start-up, memory at rest, and time added to an answer.

Standard library only. Everything runs on 127.0.0.1 and is stopped by process id.
"""

import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

STARTS = 15
REQUESTS = 300
WARM_UP_REQUESTS = 30
KEY = "measuring-key-0123456789"
TOKEN = "measuring-token"
QUESTION = [{"role": "user", "content": "repeat exactly: one two three four five six seven eight"}]


def main(gateway: Path, emulator: Path, against_direct: bool) -> None:
    measure_start_and_memory(gateway)
    if against_direct:
        measure_added_time(gateway, emulator)


def measure_start_and_memory(gateway: Path) -> None:
    # Starting must need no network: nothing listens at this endpoint, and nothing is asked of it.
    milliseconds, resident_kib = [], []
    for _ in range(STARTS):
        with running_gateway(gateway, f"http://127.0.0.1:{free_port()}/api/projects/none") as started:
            milliseconds.append(started.milliseconds)
            resident_kib.append(resident_memory_kib(started.pid))
    show(
        "start to first 200 on /",
        f"min {min(milliseconds):.1f} ms, median {statistics.median(milliseconds):.1f} ms of {STARTS}",
    )
    show("resident memory at rest", f"{statistics.median(resident_kib) / 1024:.1f} MiB")


def measure_added_time(gateway: Path, emulator_program: Path) -> None:
    with running_emulator(emulator_program) as emulator:
        with running_gateway(gateway, f"{emulator}/api/projects/emulated") as started:
            direct = Target(
                emulator,
                "/api/projects/emulated/openai/v1/responses",
                TOKEN,
                {
                    "input": QUESTION[0]["content"],
                    "agent_reference": {"type": "agent_reference", "name": "assistant"},
                    "stream": True,
                    "store": False,
                },
            )
            gateway = Target(
                started.url,
                "/v1/chat/completions",
                KEY,
                {
                    "model": "assistant",
                    "messages": QUESTION,
                    "stream": True,
                },
            )
            # Taken in turn, so that whatever else the machine does meets both.
            direct_times, gateway_times = [], []
            for number in range(WARM_UP_REQUESTS + REQUESTS):
                pair = direct.first_and_last_byte(), gateway.first_and_last_byte()
                if number >= WARM_UP_REQUESTS:
                    direct_times.append(pair[0])
                    gateway_times.append(pair[1])
    for index, moment in enumerate(["first byte", "last byte"]):
        of_direct = statistics.median(times[index] for times in direct_times) * 1000
        of_gateway = statistics.median(times[index] for times in gateway_times) * 1000
        show(f"{moment}, median of {REQUESTS}", f"direct {of_direct:.2f} ms, through the gateway {of_gateway:.2f} ms")


class Started:
    """A gateway that answers: its process id, its address, and how long it took from exec to the first 200."""

    def __init__(self, pid: int, url: str, milliseconds: float) -> None:
        self.pid = pid
        self.url = url
        self.milliseconds = milliseconds


class Target:
    """One streamed request that can be sent again and again over one connection."""

    def __init__(self, url: str, path: str, token: str, body: dict) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
        self._path = path
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._body = json.dumps(body).encode()

    def first_and_last_byte(self) -> tuple[float, float]:
        begin = time.perf_counter()
        self._connection.request("POST", self._path, body=self._body, headers=self._headers)
        response = self._connection.getresponse()
        first_byte = response.read(1)
        first = time.perf_counter() - begin
        rest = response.read()
        last = time.perf_counter() - begin
        if response.status != 200 or b"complet" not in first_byte + rest:
            raise RuntimeError(f"status {response.status}: {(first_byte + rest)[:500]!r}")
        return first, last


@contextlib.contextmanager
def running_gateway(program: Path, project_endpoint: str) -> Iterator[Started]:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "FOUNDRY_PROJECT_ENDPOINT": project_endpoint,
        "FOUNDRY_ACCESS_TOKEN": TOKEN,
        "GATEWAY_API_KEYS": f"measure={KEY}",
    }
    begin = time.perf_counter()
    with subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as process:
        try:
            while not answers(port):
                if process.poll() is not None or time.perf_counter() - begin > 10:
                    raise RuntimeError(f"{program} gave no 200 on / within 10 s (exit code {process.poll()})")
            yield Started(process.pid, f"http://127.0.0.1:{port}", (time.perf_counter() - begin) * 1000)
        finally:
            process.kill()


@contextlib.contextmanager
def running_emulator(program: Path) -> Iterator[str]:
    # Its log goes to a file: a pipe that nobody reads would fill up and stop it.
    with (
        tempfile.NamedTemporaryFile("r") as log,
        subprocess.Popen([program, "--port", "0"], stdout=open(log.name, "wb"), stdin=subprocess.DEVNULL) as process,
    ):
        try:
            begin = time.perf_counter()
            while (line := log.readline()) == "":
                if process.poll() is not None or time.perf_counter() - begin > 10:
                    raise RuntimeError(f"{program} said nothing within 10 s (exit code {process.poll()})")
            if not line.startswith("listening on http://"):
                raise RuntimeError(f"{program} said {line!r} instead of 'listening on URL'")
            yield "http://" + line.removeprefix("listening on http://").split("/", 1)[0].strip()
        finally:
            process.kill()


def answers(port: int) -> bool:
    """Whether `GET /` gives 200. A refused connection costs microseconds, so trying again at once is precise."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except ConnectionError:
        return False
    finally:
        connection.close()


def resident_memory_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/{pid}/status names no VmRSS")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def show(what: str, value: str) -> None:
    print(f"{what:<28} {value}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), "--against-direct" in sys.argv[3:])
