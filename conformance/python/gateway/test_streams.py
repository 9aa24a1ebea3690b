"""Streamed answers, chunk by chunk and through the client's helpers."""

import asyncio
from collections.abc import Callable

import pytest
import requests
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionChunk

from support.emulators import Emulator
from support.gateways import API_KEY, Gateway

KINDS = ["assistant", "asst_assistant"]


def ask(text: str) -> list:
    return [{"role": "user", "content": text}]


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


@pytest.mark.parametrize("model", KINDS)
def test_a_stream_is_what_a_client_expects(client: OpenAI, model: str) -> None:
    with client.chat.completions.create(
        model=model, messages=ask("repeat exactly: one two three 🙂"), stream=True
    ) as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        chunks = list(stream)

    assert len({chunk.id for chunk in chunks}) == 1
    assert len({chunk.created for chunk in chunks}) == 1
    assert {chunk.model for chunk in chunks} == {model}
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert all(len(chunk.choices) == 1 for chunk in chunks), "no usage chunk unless asked for"
    assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant"] + [None] * (len(chunks) - 1)
    reasons = [chunk.choices[0].finish_reason for chunk in chunks]
    assert reasons == [None] * (len(chunks) - 1) + ["stop"]
    assert text_of(chunks) == "one two three 🙂"
    assert sum(bool(chunk.choices[0].delta.content) for chunk in chunks) > 1, "the text comes in pieces"
    assert all(chunk.usage is None for chunk in chunks)


@pytest.mark.parametrize("model", KINDS)
def test_usage_comes_when_asked_for(client: OpenAI, model: str) -> None:
    with client.chat.completions.create(
        model=model, messages=ask("Hello"), stream=True, stream_options={"include_usage": True}
    ) as stream:
        *chunks, last = stream
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens > 0
    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", KINDS)
def test_the_streaming_helper_collects_the_answer(client: OpenAI, model: str) -> None:
    with client.chat.completions.stream(model=model, messages=ask("repeat exactly: one two three")) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        completion = stream.get_final_completion()
    assert "".join(deltas) == completion.choices[0].message.content == "one two three"
    assert completion.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", KINDS)
def test_an_async_client_streams_too(make_async_client: Callable[[], AsyncOpenAI], model: str) -> None:
    async def collect() -> list[ChatCompletionChunk]:
        async with make_async_client() as client:
            stream = await client.chat.completions.create(
                model=model, messages=ask("repeat exactly: one two three"), stream=True
            )
            return [chunk async for chunk in stream]

    chunks = asyncio.run(collect())
    assert text_of(chunks) == "one two three"
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", ["cites", "asst_cites"])
def test_citations_come_with_the_stream(client: OpenAI, model: str) -> None:
    with client.chat.completions.create(model=model, messages=ask("Tell me about circles"), stream=True) as stream:
        chunks = list(stream)
    annotations = [
        annotation
        for chunk in chunks
        for annotation in (chunk.choices[0].delta.model_extra or {}).get("annotations") or []
    ]
    assert [annotation["type"] for annotation in annotations] == ["url_citation"] * len(annotations) != []


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("fail-length", "length"),
        ("asst_fail_length", "length"),
        ("fail-content-filter-output", "content_filter"),
        ("asst_fail_content_filter_output", "content_filter"),
    ],
)
def test_a_cut_answer_says_so(client: OpenAI, model: str, reason: str) -> None:
    with client.chat.completions.create(model=model, messages=ask("Hello"), stream=True) as stream:
        chunks = list(stream)
    assert text_of(chunks)
    assert chunks[-1].choices[0].finish_reason == reason


@pytest.mark.parametrize("model", ["echo", "asst_echo"])
def test_a_long_answer_is_streamed(client: OpenAI, model: str) -> None:
    text = "größer 🙂 " * 5_000
    with client.chat.completions.create(model=model, messages=ask(text), stream=True) as stream:
        assert text_of(list(stream)) == text


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize("split_bytes", [1, 7])
def test_the_pieces_of_the_upstream_stream_do_not_matter(
    client: OpenAI, journal: Emulator, model: str, split_bytes: int
) -> None:
    journal.set_behaviour(split_bytes=split_bytes)
    try:
        with client.chat.completions.create(
            model=model, messages=ask("repeat exactly: größer 🙂 你好"), stream=True
        ) as stream:
            assert text_of(list(stream)) == "größer 🙂 你好"
    finally:
        journal.reset_behaviour()


def test_the_stream_is_framed_as_every_client_reads_it(gateway: Gateway) -> None:
    with requests.post(
        f"{gateway.base_url}/chat/completions",
        headers={"authorization": f"Bearer {API_KEY}"},
        json={"model": "assistant", "messages": ask("Hello"), "stream": True},
        stream=True,
        timeout=30,
    ) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"].startswith("no-cache")
        assert "content-encoding" not in response.headers
        body = response.content
    assert b"\r" not in body
    *events, end = body.split(b"\n\n")
    assert end == b"", "the last event is complete"
    assert events[-1] == b"data: [DONE]"
    for event in events:
        assert event.startswith((b"data: ", b":")), event
        assert b"\n" not in event, "one line per event"


def test_text_is_passed_on_as_it_comes(client: OpenAI, journal: Emulator) -> None:
    """The first word arrives while the agent still waits to say the second."""
    journal.set_behaviour(token_delay_ms=400)
    try:
        with client.chat.completions.create(
            model="assistant", messages=ask("repeat exactly: one two three"), stream=True
        ) as stream:
            for chunk in stream:
                if chunk.choices[0].delta.content:
                    break
            [request] = journal.journal()
            assert request["ending"] is None, "the agent was still speaking"
    finally:
        journal.reset_behaviour()


def test_a_client_that_leaves_stops_the_agent(client: OpenAI, journal: Emulator) -> None:
    with client.chat.completions.create(model="stall-middle", messages=ask("Hello"), stream=True) as stream:
        next(chunk for chunk in stream if chunk.choices[0].delta.content)
    journal.wait_for_request("the upstream request to be closed", operation="create_response", ending="client_closed")


def test_a_client_that_leaves_cancels_the_run(client: OpenAI, journal: Emulator) -> None:
    with client.chat.completions.create(model="asst_stall_middle", messages=ask("Hello"), stream=True) as stream:
        next(chunk for chunk in stream if chunk.choices[0].delta.content)
    journal.wait_for_request("the run to be cancelled", operation="cancel_run")
