"""Answers in one piece: what the client reads, and what it may send."""

import asyncio
import time
from collections.abc import Callable

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion

from support.emulators import Emulator

# One agent of each kind, by each spelling.
MODELS = ["assistant", "assistant:1", "asst_assistant", "azure_ai/agents/asst_assistant", "gpt-4o-mini", "team/helper"]
KINDS = ["assistant", "asst_assistant"]


def text_of(completion: ChatCompletion) -> str:
    [choice] = completion.choices
    assert choice.message.content is not None
    return choice.message.content


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_is_what_a_client_expects(client: OpenAI, model: str) -> None:
    before = int(time.time())
    completion = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "repeat exactly: Größe 🙂"}]
    )
    assert completion.object == "chat.completion"
    assert completion.id.startswith("chatcmpl-")
    assert before - 1 <= completion.created <= time.time() + 1
    assert completion.model == model
    [choice] = completion.choices
    assert (choice.index, choice.finish_reason, choice.logprobs) == (0, "stop", None)
    assert choice.message.role == "assistant"
    assert choice.message.content == "Größe 🙂"
    assert choice.message.refusal is None
    assert choice.message.tool_calls is None
    usage = completion.usage
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0
    assert usage.prompt_tokens_details is not None
    assert "system_fingerprint" not in completion.model_fields_set


@pytest.mark.parametrize("model", KINDS)
def test_the_history_is_understood(client: OpenAI, model: str) -> None:
    messages: list = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "My name is Ada."}]
    first = client.chat.completions.create(model=model, messages=messages)
    # Resent as the SDK dumps it, extra fields included.
    messages += [first.choices[0].message, {"role": "user", "content": "What is my name?"}]
    second = client.chat.completions.create(model=model, messages=messages)
    assert "Ada" in text_of(second)
    assert second.id != first.id


@pytest.mark.parametrize("model", KINDS)
def test_no_conversation_leaks_into_another(client: OpenAI, model: str) -> None:
    client.chat.completions.create(model=model, messages=[{"role": "user", "content": "My name is Ada."}])
    other = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "What is my name?"}])
    assert "Ada" not in text_of(other)


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "My name is Ada."}, {"role": "user", "content": "What is my name?"}],
        [{"role": "developer", "content": "My name is Ada."}, {"role": "user", "content": "What is my name?"}],
        [
            {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
            {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "content": "My name is Ada."},
            {"role": "assistant", "content": [{"type": "text", "text": "Good day."}]},
            {
                "role": "user",
                "content": [{"type": "text", "text": "One question."}, {"type": "text", "text": "What is my name?"}],
            },
            {"role": "system", "content": "Answer in English."},
        ],
        [
            {"role": "user", "content": "My name is Ada.", "name": "ada"},
            {"role": "assistant", "content": "", "name": "helper"},
            {"role": "user", "content": "What is my name?"},
        ],
    ],
    ids=["system", "developer", "parts", "names"],
)
def test_every_form_of_text_is_accepted(client: OpenAI, model: str, messages: list) -> None:
    completion = client.chat.completions.create(model=model, messages=messages)
    assert completion.choices[0].finish_reason == "stop"
    if messages[0]["role"] == "user" or len(messages) > 2:
        assert "Ada" in text_of(completion)


@pytest.mark.parametrize("model", KINDS)
def test_system_text_reaches_the_agent(client: OpenAI, journal: Emulator, model: str) -> None:
    client.chat.completions.create(
        model=model,
        messages=[{"role": "system", "content": "Speak like a pirate."}, {"role": "user", "content": "Hello"}],
    )
    assert any("Speak like a pirate." in str(entry["body"]) for entry in journal.journal())


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "你好，世界",
        "e\u0301 is not \u00e9",
        "👩‍👩‍👧‍👦 and \u200b zero width",
        'quotes " and \\ and \t tab',
        "line one\nline two\r\nline three",
        "\u2028 and \u2029 and \x7f",
        "data: [DONE]",
    ],
)
def test_text_comes_back_unchanged(client: OpenAI, model: str, text: str) -> None:
    echo = "echo" if model == "assistant" else "asst_echo"
    completion = client.chat.completions.create(model=echo, messages=[{"role": "user", "content": text}])
    assert text_of(completion) == text


@pytest.mark.parametrize("model", KINDS)
def test_a_megabyte_of_history_is_read(client: OpenAI, model: str) -> None:
    text = "größer 🙂 " * 75_000
    assert len(text.encode()) > 1_000_000
    completion = client.chat.completions.create(
        model=model,
        messages=[
            {"role": "user", "content": "My name is Ada."},
            {"role": "assistant", "content": text},
            {"role": "user", "content": "What is my name?"},
        ],
    )
    assert "Ada" in text_of(completion)


@pytest.mark.parametrize("model", ["echo", "asst_echo"])
def test_a_long_answer_comes_whole(client: OpenAI, model: str) -> None:
    text = "größer 🙂 " * 5_000
    completion = client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])
    assert text_of(completion) == text


def test_several_messages_of_one_answer_are_joined(client: OpenAI) -> None:
    completion = client.chat.completions.create(model="two-messages", messages=[{"role": "user", "content": "Hello"}])
    assert "\n\n" in text_of(completion)


def test_reasoning_is_counted_and_not_shown(client: OpenAI) -> None:
    completion = client.chat.completions.create(model="reasons", messages=[{"role": "user", "content": "Hello"}])
    assert completion.choices[0].finish_reason == "stop"
    assert text_of(completion)
    assert completion.usage is not None and completion.usage.completion_tokens_details is not None
    assert (completion.usage.completion_tokens_details.reasoning_tokens or 0) > 0


@pytest.mark.parametrize("model", ["cites", "asst_cites"])
def test_citations_are_annotations(client: OpenAI, model: str) -> None:
    completion = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Tell me about circles"}]
    )
    text = text_of(completion)
    assert "π" in text
    annotations = completion.choices[0].message.annotations
    assert annotations
    for annotation in annotations:
        assert annotation.type == "url_citation"
        citation = annotation.url_citation
        cites_a_document = "file_citation" in (annotation.model_extra or {})
        assert citation.url.startswith("urn:" if cites_a_document else "https://")
        assert 0 <= citation.start_index < citation.end_index <= len(text), "offsets count code points"


@pytest.mark.parametrize("model", ["fail-length", "asst_fail_length"])
def test_an_answer_cut_by_its_length_says_so(client: OpenAI, model: str) -> None:
    completion = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
    assert completion.choices[0].finish_reason == "length"
    assert text_of(completion)


@pytest.mark.parametrize("model", ["fail-content-filter-output", "asst_fail_content_filter_output"])
def test_an_answer_cut_by_a_filter_says_so(client: OpenAI, model: str) -> None:
    completion = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
    assert completion.choices[0].finish_reason == "content_filter"
    assert text_of(completion)


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_token_limit_reaches_the_agent(client: OpenAI, model: str, field: str) -> None:
    completion = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "repeat exactly: one two three four five six"}],
        **{field: 2},
    )
    assert completion.choices[0].finish_reason == "length"
    assert "one two three four five six".startswith(text_of(completion))


def test_a_refusal_is_a_refusal(client: OpenAI) -> None:
    completion = client.chat.completions.create(model="refuses", messages=[{"role": "user", "content": "Hello"}])
    assert completion.choices[0].message.refusal


def test_unknown_events_are_tolerated(client: OpenAI) -> None:
    for model in ["unknown-events", "asst_unknown_events"]:
        completion = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
        assert completion.choices[0].finish_reason == "stop"
        assert text_of(completion)


def test_a_service_that_refuses_store_is_served_without(client: OpenAI) -> None:
    for _ in range(2):
        completion = client.chat.completions.create(
            model="refuses-store", messages=[{"role": "user", "content": "Hello"}]
        )
        assert completion.choices[0].finish_reason == "stop"


def test_the_raw_response_has_the_headers_a_client_reads(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="assistant",
        messages=[{"role": "user", "content": "repeat exactly: ping"}],
        extra_headers={"x-request-id": "conformance-1"},
    )
    assert raw.status_code == 200
    assert raw.headers["content-type"].startswith("application/json")
    assert raw.headers["x-request-id"] == "conformance-1"
    completion = raw.parse()
    assert text_of(completion) == "ping"
    assert completion._request_id == "conformance-1"


def test_every_answer_has_a_request_id(client: OpenAI) -> None:
    identifiers = {
        client.chat.completions.create(model="echo", messages=[{"role": "user", "content": "ping"}])._request_id
        for _ in range(2)
    }
    assert len(identifiers) == 2
    assert None not in identifiers


def test_one_upstream_call_is_made_per_turn(client: OpenAI, journal: Emulator) -> None:
    client.chat.completions.create(model="assistant", messages=[{"role": "user", "content": "Hello"}])
    # An earlier test's thread may be deleted meanwhile, in the background.
    assert [operation for operation in journal.operations() if operation != "delete_thread"] == ["create_response"]


def test_many_requests_at_once_are_kept_apart(make_async_client: Callable[[], AsyncOpenAI]) -> None:
    async def ask(client: AsyncOpenAI, number: int) -> None:
        model = ["echo", "asst_echo"][number % 2]
        completion = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": f"number {number}"}]
        )
        assert text_of(completion) == f"number {number}"

    async def ask_all() -> None:
        async with make_async_client() as client:
            await asyncio.gather(*(ask(client, number) for number in range(50)))

    asyncio.run(ask_all())
