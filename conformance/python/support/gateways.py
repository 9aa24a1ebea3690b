"""The gateway as a fixture: in front of an emulator, called directly or through the Functions host stand-in."""

import json
import shutil
import socket
from pathlib import Path

import requests

from support.emulators import ACCESS_TOKEN, Emulator
from support.programs import REPOSITORY, Program, program_path

API_KEY = "conformance-suite-key"
# Names that a client may already have in its code; one of them has a slash, as ids of other gateways do.
ALIASES = {"gpt-4o-mini": "assistant", "team/helper": "asst_assistant"}


class Gateway:
    """A running `foundry-gateway`, and the address under which clients reach it."""

    def __init__(self, program: Program, url: str, emulator: Emulator, *, is_direct: bool) -> None:
        self.program = program
        self.is_direct = is_direct
        self.url = url
        self.base_url = f"{url}/v1"
        self.emulator = emulator


def start_directly(emulator: Emulator, log_directory: Path, settings: dict[str, str] | None = None) -> Gateway:
    """Starts the gateway alone."""
    port = free_port()
    environment = {**gateway_settings(emulator), "PORT": str(port), **(settings or {})}
    program = Program([program_path("foundry-gateway")], environment, log_directory)
    url = f"http://127.0.0.1:{port}"
    program.wait_for(f"an answer on {url}/", lambda: answers(url))
    return Gateway(program, url, emulator, is_direct=True)


def start_behind_functions_host(emulator: Emulator, log_directory: Path) -> Gateway:
    """Starts the stand-in of the Azure Functions host, which starts the gateway as its custom handler."""
    app_root = log_directory / "app"
    app_root.mkdir()
    shutil.copy(REPOSITORY / "host.json", app_root)
    for function in REPOSITORY.glob("*/function.json"):
        (app_root / function.parent.name).mkdir()
        shutil.copy(function, app_root / function.parent.name)
    # A link would do for the kernel, but a deployed app is a plain file.
    shutil.copy(program_path("foundry-gateway"), app_root)
    program = Program(
        [program_path("functions-host"), "--app-root", app_root], gateway_settings(emulator), log_directory
    )
    return Gateway(program, program.wait_for_address(), emulator, is_direct=False)


def gateway_settings(emulator: Emulator) -> dict[str, str]:
    return {
        "FOUNDRY_PROJECT_ENDPOINT": emulator.project_endpoint,
        "FOUNDRY_ACCESS_TOKEN": ACCESS_TOKEN,
        "GATEWAY_API_KEYS": f"suite={API_KEY}",
        "GATEWAY_AGENTS": json.dumps({"aliases": ALIASES}),
    }


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False
