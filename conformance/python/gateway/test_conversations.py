"""Conversations continue: the client resends its history, or an id, and the agent is told only what is new."""

from collections.abc import Callable

import pytest
from openai import NotFoundError, OpenAI
from openai.types.chat import ChatCompletion

from support.conversations import (
    KINDS,
    Messages,
    hold_five_turns,
    unheard_name,
    upstream_turns,
    user,
)
from support.emulators import Emulator


def answer_at_once(client: OpenAI, model: str, messages: Messages) -> str:
    completion = client.chat.completions.create(model=model, messages=messages)
    return completion.choices[0].message.content or ""


def answer_in_stream(client: OpenAI, model: str, messages: Messages) -> str:
    with client.chat.completions.create(model=model, messages=messages, stream=True) as stream:
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream)


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize("answer", [answer_at_once, answer_in_stream])
def test_five_turns(
    client: OpenAI, journal: Emulator, model: str, answer: Callable[[OpenAI, str, Messages], str]
) -> None:
    hold_five_turns(journal, model, lambda messages: answer(client, model, messages))


def thread_id_of(completion: ChatCompletion) -> str:
    thread_id = (completion.model_extra or {})["thread_id"]
    assert isinstance(thread_id, str)
    return thread_id


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize("field", ["thread_id", "conversation", "previous_response_id"])
def test_an_id_continues_without_the_history(client: OpenAI, journal: Emulator, model: str, field: str) -> None:
    name = unheard_name()
    first = client.chat.completions.create(model=model, messages=[user(f"My name is {name}.")])
    thread_id = thread_id_of(first)
    for question in ["What is my name? One.", "What is my name? Two."]:
        journal.clear_journal()
        completion = client.chat.completions.create(
            model=model, messages=[user(question)], extra_body={field: thread_id}
        )
        assert completion.choices[0].message.content == f"Your name is {name}."
        assert thread_id_of(completion) == thread_id
        [turn] = upstream_turns(journal)
        assert turn.head is not None
        assert turn.sent == [question]


@pytest.mark.parametrize("model", KINDS)
def test_the_id_comes_in_a_header_too(client: OpenAI, model: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=model, messages=[user(unheard_name())])
    assert raw.headers["x-thread-id"] == thread_id_of(raw.parse())


@pytest.mark.parametrize("model", KINDS)
def test_a_stream_tells_the_id_in_its_first_chunk(client: OpenAI, model: str) -> None:
    name = unheard_name()
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=[user(f"My name is {name}.")], stream=True
    )
    told = [(chunk.model_extra or {}).get("thread_id") for chunk in raw.parse()]
    assert told == [raw.headers["x-thread-id"]] + [None] * (len(told) - 1)
    second = client.chat.completions.create(
        model=model, messages=[user("What is my name?")], extra_body={"thread_id": told[0]}
    )
    assert second.choices[0].message.content == f"Your name is {name}."


@pytest.mark.parametrize("model", KINDS)
def test_an_unknown_id_is_not_found(client: OpenAI, journal: Emulator, model: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        client.chat.completions.create(
            model=model, messages=[user("Hello")], extra_body={"thread_id": "thread_made_up"}
        )
    assert refused.value.code == "conversation_not_found"
    assert upstream_turns(journal) == []


@pytest.mark.parametrize("model", KINDS)
def test_a_name_keeps_chats_with_the_same_beginning_apart(client: OpenAI, journal: Emulator, model: str) -> None:
    history = [user(unheard_name())]

    def say(chat: str, messages: Messages) -> str:
        completion = client.chat.completions.create(
            model=model, messages=messages, extra_headers={"x-openwebui-chat-id": chat}
        )
        return completion.choices[0].message.content or ""

    answer = say("first chat", history)
    history += [{"role": "assistant", "content": answer}, user("Go on.")]
    journal.clear_journal()
    say("second chat", history)
    say("first chat", history)
    second, first = upstream_turns(journal)
    assert second.head is None
    assert first.head is not None
    assert first.sent == ["Go on."]


@pytest.mark.parametrize("model", KINDS)
def test_one_request_can_be_stateless(client: OpenAI, journal: Emulator, model: str) -> None:
    history = [user(unheard_name())]
    off = {"x-gateway-continuity": "off"}
    raw = client.chat.completions.with_raw_response.create(model=model, messages=history, extra_headers=off)
    assert "x-thread-id" not in raw.headers
    answer = raw.parse().choices[0].message.content or ""
    journal.clear_journal()
    answer_at_once(client, model, [*history, {"role": "assistant", "content": answer}, user("Go on.")])
    [turn] = upstream_turns(journal)
    assert turn.head is None, "nothing was kept of the stateless turn"
