"""Arize Phoenix, a backend that knows the GenAI conventions, accepts a conversation.

Not part of any other run, because Phoenix is large and slow to start: `scripts/accept-phoenix.sh`.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from openai import OpenAI

from support.emulators import Emulator
from support.gateways import API_KEY, Gateway, free_port, start_directly
from support.programs import Program, wait_for

# Phoenix takes half a minute to start where nothing else is going on.
START_TIMEOUT_SECONDS = 300.0


class Phoenix:
    """A running `phoenix serve`."""

    def __init__(self, log_directory: Path) -> None:
        program = Path(os.environ["PHOENIX_PROGRAM"])
        port = free_port()
        environment = {
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(free_port()),
            "PHOENIX_WORKING_DIR": str(log_directory),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        }
        self.program = Program([program, "serve"], environment, log_directory)
        self.url = f"http://127.0.0.1:{port}"
        wait_for("Phoenix to listen", self._answers, START_TIMEOUT_SECONDS)

    def _answers(self) -> bool:
        assert self.program.is_running(), self.program.stderr()
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False

    def spans(self) -> list[dict[str, Any]]:
        response = requests.get(f"{self.url}/v1/projects/default/spans", params={"limit": "100"}, timeout=30)
        return response.json()["data"] if response.ok else []

    def agent_spans(self, count: int) -> list[dict[str, Any]]:
        """The spans that Phoenix takes for an agent's, once there are `count`, oldest first."""

        def find() -> list[dict[str, Any]] | None:
            found = [span for span in self.spans() if span["span_kind"] == "AGENT"]
            return sorted(found, key=lambda span: span["start_time"]) if len(found) == count else None

        return wait_for(f"{count} spans of agents", find)


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phoenix]:
    running = Phoenix(tmp_path_factory.mktemp("phoenix"))
    yield running
    running.program.stop()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("emulator"), https=False)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def gateway(phoenix: Phoenix, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {
        "GATEWAY_OTLP_TRACES_ENDPOINT": f"{phoenix.url}/v1/traces",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true",
    }
    running = start_directly(emulator, tmp_path_factory.mktemp("gateway"), settings)
    yield running
    running.program.stop()


@pytest.mark.timeout(600)
def test_a_conversation_is_shown_as_turns_of_an_agent_with_tokens_and_session(
    phoenix: Phoenix, gateway: Gateway
) -> None:
    said: list[Any] = []
    with OpenAI(base_url=gateway.base_url, api_key=API_KEY, max_retries=0, timeout=30) as client:
        for text in ["one two three", "four"]:
            said.append({"role": "user", "content": text})
            answer = client.chat.completions.create(model="echo", messages=said)
            assert answer.usage is not None
            said.append({"role": "assistant", "content": answer.choices[0].message.content})
    first, second = phoenix.agent_spans(2)
    for span in (first, second):
        print(f"\n{span['name']}: {span['attributes']}")
        attributes = span["attributes"]
        assert span["name"] == "invoke_agent echo"
        assert span["status_code"] != "ERROR"
        assert attributes["llm.token_count.prompt"] > 0
        assert attributes["llm.token_count.completion"] > 0
        assert attributes["session.id"].startswith("thread_")
    assert first["attributes"]["session.id"] == second["attributes"]["session.id"], "one session"
    assert "one two three" in str(first["attributes"])
