"""Requests of real clients, replayed as they were recorded (see fixtures/captures/README.md)."""

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.gateways import API_KEY, Gateway

CAPTURES = Path(__file__).parent / "fixtures" / "captures"


def captured_requests() -> list[Any]:
    return [
        pytest.param(json.loads(line), id=f"{file.stem}-{number}")
        for file in sorted(CAPTURES.glob("*.jsonl"))
        for number, line in enumerate(file.read_text().splitlines(), start=1)
    ]


def replay(gateway: Gateway, request: dict[str, Any]) -> tuple[int, str, bytes]:
    """Sends the recorded headers and body with the key of this suite; gives status, content type and body."""
    headers = {**request["headers"], "authorization": f"Bearer {API_KEY}"}
    body = request["body"] and json.dumps(request["body"], ensure_ascii=False, separators=(",", ":")).encode()
    connection = http.client.HTTPConnection(urlsplit(gateway.url).netloc, timeout=30)
    try:
        connection.request(request["method"], request["path"], body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers.get_content_type(), response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("request_", captured_requests())
def test_a_recorded_request_gets_what_its_client_expects(gateway: Gateway, request_: dict[str, Any]) -> None:
    status, content_type, answer = replay(gateway, request_)
    body = request_["body"]
    if request_["path"] == "/v1/models":
        assert (status, content_type) == (200, "application/json")
        assert "gpt-4o-mini" in [model["id"] for model in json.loads(answer)["data"]]
    elif body.get("stream"):
        assert (status, content_type) == (200, "text/event-stream")
        *events, done, end = answer.decode().split("\n\n")
        assert (done, end) == ("data: [DONE]", "")
        chunks = [json.loads(event.removeprefix("data: ")) for event in events if event.startswith("data: ")]
        wants_usage = body.get("stream_options", {}).get("include_usage", False)
        assert any(chunk.get("usage") for chunk in chunks) == wants_usage
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        text = "".join(delta.get("content") or "" for delta in deltas)
        check_answer(body, text, [call for delta in deltas for call in delta.get("tool_calls") or []])
    else:
        assert (status, content_type) == (200, "application/json")
        message = json.loads(answer)["choices"][0]["message"]
        check_answer(body, message["content"], message.get("tool_calls", []))


def check_answer(body: dict[str, Any], text: str | None, calls: list[dict[str, Any]]) -> None:
    if calls:
        assert {call["function"]["name"] for call in calls} <= {tool["function"]["name"] for tool in body["tools"]}
        return
    assert text
    if body["messages"][-1]["content"] == "What is my name?":
        assert "Zebedee" in text
