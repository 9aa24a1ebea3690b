"""The Foundry emulator as a fixture: start it, ask its journal, set its behaviour."""

from pathlib import Path
from typing import Any

import requests

from support.programs import Program, program_path, wait_for

PROJECT_PATH = "/api/projects/emulated"
# The emulator takes any bearer token but the two below, which it refuses as the service would.
ACCESS_TOKEN = "emulator-token"
WRONG_AUDIENCE_TOKEN = "wrong-audience"
NO_PERMISSION_TOKEN = "no-permission"


class Emulator:
    """A running `foundry-emulator`."""

    def __init__(self, log_directory: Path, *, https: bool) -> None:
        arguments: list[str | Path] = [program_path("foundry-emulator"), "--port", "0"]
        self.ca_file: Path | None = None
        if https:
            self.ca_file = log_directory / "emulator-ca.pem"
            arguments += ["--https", "--ca-file", self.ca_file]
        self.program = Program(arguments, {}, log_directory)
        # The line may carry the project's path; the address is what comes before it.
        self.url = self.program.wait_for_address().removesuffix(PROJECT_PATH)
        self.project_endpoint = self.url + PROJECT_PATH
        self._verify = str(self.ca_file) if self.ca_file else True

    def journal(self) -> list[dict[str, Any]]:
        """Every request the emulator has answered since the journal was cleared, oldest first."""
        response = requests.get(f"{self.url}/emulator/journal", verify=self._verify, timeout=10)
        response.raise_for_status()
        body = response.json()
        return body["requests"] if isinstance(body, dict) else body

    def operations(self) -> list[str]:
        """The names of the journal's operations, such as `create_response`, in their order."""
        return [entry["operation"] for entry in self.journal()]

    def get(self, path: str) -> Any:
        """Asks the service itself, past the gateway; `path` is relative to the project. The journal records it."""
        response = requests.get(
            f"{self.project_endpoint}{path}",
            headers={"authorization": f"Bearer {ACCESS_TOKEN}"},
            verify=self._verify,
            timeout=10,
        )
        response.raise_for_status()
        return response.json()

    def clear_journal(self) -> None:
        requests.delete(f"{self.url}/emulator/journal", verify=self._verify, timeout=10).raise_for_status()

    def wait_for_request(self, description: str, **fields: Any) -> dict[str, Any]:
        """The first journal entry whose members equal `fields`, waited for."""

        def find() -> dict[str, Any] | None:
            matches = (
                entry for entry in self.journal() if all(entry.get(key) == value for key, value in fields.items())
            )
            return next(matches, None)

        return wait_for(description, find, timeout_seconds=5)

    def set_behaviour(self, **knobs: Any) -> None:
        """Replaces the behaviour; without arguments the emulator behaves normally again."""
        requests.put(f"{self.url}/emulator/behaviour", json=knobs, verify=self._verify, timeout=10).raise_for_status()

    def reset_behaviour(self) -> None:
        requests.delete(f"{self.url}/emulator/behaviour", verify=self._verify, timeout=10).raise_for_status()

    def stop(self) -> None:
        self.program.stop()
