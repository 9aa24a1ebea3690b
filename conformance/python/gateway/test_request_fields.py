"""Request fields beside the messages: passed on, refused by name, or dropped and reported."""

import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from openai import BadRequestError, OpenAI
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)

from support.emulators import Emulator

HELLO: list = [{"role": "user", "content": "Hello"}]
KINDS = ["assistant", "asst_assistant"]


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("functions", [{"name": "get_weather", "parameters": {"type": "object"}}]),
        ("stop", ["."]),
        ("n", 2),
        ("logprobs", True),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "alloy", "format": "mp3"}),
        ("web_search_options", {}),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(client: OpenAI, model: str, field: str, value: Any) -> None:
    with pytest.raises(BadRequestError) as refused:
        client.chat.completions.create(model=model, messages=HELLO, extra_body={field: value})
    assert refused.value.param == field
    assert field in refused.value.message
    assert refused.value.type == "invalid_request_error"


def test_every_field_of_the_client_is_documented() -> None:
    """The client knows the current reference: what it takes and the table of the gateway lacks, is dropped unseen."""
    known = set(get_type_hints(CompletionCreateParamsNonStreaming)) | set(get_type_hints(CompletionCreateParamsStreaming))
    table = (Path(__file__).parents[3] / "docs" / "request-fields.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE))
    assert {"messages", "tools", "response_format"} <= known
    assert known - documented == set()


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize(
    ("field", "value"), [("response_format", {"type": "text"}), ("n", 1), ("modalities", ["text"]), ("tools", [])]
)
def test_a_default_spelled_out_is_accepted(client: OpenAI, model: str, field: str, value: Any) -> None:
    completion = client.chat.completions.create(model=model, messages=HELLO, extra_body={field: value})
    assert completion.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", 0.1), ("top_p", 0.5), ("seed", 7), ("presence_penalty", 0.5), ("frequency_penalty", 0.5)],
)
def test_a_hint_to_a_new_agent_is_dropped_and_reported(
    client: OpenAI, journal: Emulator, field: str, value: Any
) -> None:
    raw = client.chat.completions.with_raw_response.create(model="assistant", messages=HELLO, extra_body={field: value})
    assert field in [name.strip() for name in raw.headers["x-ignored-params"].split(",")]
    [request] = [entry for entry in journal.journal() if entry["operation"] == "create_response"]
    assert field not in request["body"]


def test_several_dropped_hints_are_all_reported(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="assistant", messages=HELLO, temperature=0.1, top_p=0.5, seed=7, stream=True
    )
    reported = {name.strip() for name in raw.headers["x-ignored-params"].split(",")}
    assert {"temperature", "top_p", "seed"} <= reported
    assert [chunk.choices[0].finish_reason for chunk in raw.parse()][-1] == "stop"


@pytest.mark.parametrize(("field", "value"), [("temperature", 0.1), ("top_p", 0.5)])
def test_a_classic_agent_takes_sampling_options(client: OpenAI, journal: Emulator, field: str, value: float) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="asst_assistant", messages=HELLO, extra_body={field: value}
    )
    assert field not in raw.headers.get("x-ignored-params", "")
    [request] = [entry for entry in journal.journal() if entry["operation"] in ("create_run", "create_thread_and_run")]
    assert request["body"][field] == value


@pytest.mark.parametrize("model", KINDS)
def test_nothing_is_reported_when_nothing_is_dropped(client: OpenAI, model: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=model, messages=HELLO)
    assert "x-ignored-params" not in raw.headers


@pytest.mark.parametrize("model", KINDS)
def test_an_unknown_field_is_not_dropped_in_silence(client: OpenAI, model: str) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=HELLO, extra_body={"flux_capacitor": 1.21}
    )
    assert raw.headers["x-ignored-params"] == "flux_capacitor"


@pytest.mark.parametrize("model", KINDS)
def test_audio_is_refused_clearly(client: OpenAI, model: str) -> None:
    part: Any = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    with pytest.raises(BadRequestError) as refused:
        client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]}]
        )
    assert "input_audio" in refused.value.message
    assert refused.value.param == "messages[0].content[1]"
