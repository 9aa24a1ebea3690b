"""A conversation of five turns, whichever client holds it, and what the agent must have been told of it.

The emulator says which upstream head each turn continued, what was sent, and what the agent had before it when
it answered: for a new agent the chain of responses, for a classic one the messages of the thread.
"""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from support.emulators import Emulator

# One agent of each kind.
KINDS = ["assistant", "asst_assistant"]

Messages = list[dict[str, str]]
# Sends a whole history, as clients do, and gives the text of the answer.
Say = Callable[[Messages], str]

NEW_HEAD_OPERATIONS = {"create_response", "create_thread_and_run"}
TURN_OPERATIONS = NEW_HEAD_OPERATIONS | {"create_run"}


@dataclass
class UpstreamTurn:
    """What one turn was upstream."""

    head: str | None
    """The response or thread that was continued; none where the history was replayed."""
    sent: list[str]
    """The texts of the request."""
    known: list[str]
    """The texts that the agent had already."""


def upstream_turns(emulator: Emulator) -> list[UpstreamTurn]:
    """The turns of the journal, oldest first."""
    return [upstream_turn(emulator, entry) for entry in emulator.journal() if entry["operation"] in TURN_OPERATIONS]


def upstream_turn(emulator: Emulator, entry: dict[str, Any]) -> UpstreamTurn:
    body = entry["body"]
    if entry["operation"] == "create_response":
        head = body.get("previous_response_id")
        return UpstreamTurn(head, texts_of(body["input"]), response_texts(emulator, head) if head else [])
    if entry["operation"] == "create_thread_and_run":
        return UpstreamTurn(None, texts_of(body["thread"]["messages"]), [])
    head = entry["path"].split("/threads/")[1].split("/")[0]
    sent = texts_of(body["additional_messages"])
    on_thread = thread_texts(emulator, head)
    # The thread may have grown since; what was sent stands where it was put.
    return UpstreamTurn(head, sent, on_thread[: on_thread.index(sent[0])])


def texts_of(messages: list[dict[str, Any]]) -> list[str]:
    return [part["text"] for message in messages for part in message["content"]]


def response_texts(emulator: Emulator, response_id: str) -> list[str]:
    """Everything that was said up to a response and in it, oldest first."""
    response = emulator.get(f"/openai/v1/responses/{response_id}")
    earlier = response.get("previous_response_id")
    sent = emulator.get(f"/openai/v1/responses/{response_id}/input_items?order=asc&limit=100")["data"]
    return (response_texts(emulator, earlier) if earlier else []) + texts_of(sent) + texts_of(response["output"])


def thread_texts(emulator: Emulator, thread_id: str) -> list[str]:
    """Everything that was said on a thread, oldest first."""
    messages = emulator.get(f"/threads/{thread_id}/messages?api-version=v1&order=asc&limit=100")["data"]
    return [part["text"]["value"] for message in messages for part in message["content"]]


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def unheard_name() -> str:
    """A name for a conversation that no other test has held, because a known beginning would be continued."""
    return f"Ada{uuid.uuid4().hex}"


class Talk:
    """A client that resends its whole history; each turn is compared with what reached the agent."""

    def __init__(self, emulator: Emulator, say: Say) -> None:
        self._emulator = emulator
        self._say = say

    def turn(self, history: Messages, text: str) -> tuple[Messages, UpstreamTurn]:
        """One turn after `history`: the history with it, and what it was upstream."""
        self._emulator.clear_journal()
        history = [*history, user(text)]
        answer = self._say(history)
        [upstream] = upstream_turns(self._emulator)
        assert upstream.known + upstream.sent == contents(history), "the agent knows what the client shows"
        return [*history, {"role": "assistant", "content": answer}], upstream

    def turns_at_once(self, history: Messages, texts: list[str]) -> tuple[list[str], list[UpstreamTurn]]:
        """Several turns after the same `history`: the answers, and what the turns were upstream."""
        self._emulator.clear_journal()
        with ThreadPoolExecutor(len(texts)) as pool:
            answers = list(pool.map(lambda text: self._say([*history, user(text)]), texts))
        upstream = upstream_turns(self._emulator)
        seen = sorted(turn.known + turn.sent for turn in upstream)
        assert seen == sorted([*contents(history), text] for text in texts), "no branch knows of another"
        return answers, upstream


def contents(history: Messages) -> list[str]:
    return [message["content"] for message in history]


def hold_five_turns(emulator: Emulator, model: str, say: Say) -> None:
    """Five turns, of which one is regenerated, one edited, and the last asked twice at once."""
    is_new = model == "assistant"
    name = unheard_name()
    talk = Talk(emulator, say)

    after_first, first = talk.turn([], f"My name is {name}.")
    assert first.head is None
    after_second, second = talk.turn(after_first, "I like tea.")
    assert second.head is not None
    assert second.sent == ["I like tea."]
    after_third, third = talk.turn(after_second, "And rain.")
    assert third.sent == ["And rain."]
    assert (third.head == second.head) is not is_new, "each answer is a head; a thread stays the same"

    regenerated, again = talk.turn(after_second, "And rain.")
    edited, other = talk.turn(after_first, "I like coffee.")
    if is_new:
        assert (again.head, again.sent) == (third.head, ["And rain."])
        assert (other.head, other.sent) == (second.head, ["I like coffee."])
    else:
        # A thread cannot be continued from an earlier place, so that the branches begin on threads of their own.
        assert (again.head, other.head) == (None, None)
    after_edited, beside = talk.turn(edited, "And maps.")
    assert beside.head is not None, "a branch is continued like any other"
    assert beside.sent == ["And maps."]
    assert contents(after_edited)[-1] == 'You said: "And maps.".'

    after_fourth, fourth = talk.turn(regenerated, "And maps.")
    assert fourth.head is not None
    assert fourth.sent == ["And maps."]

    questions = ["What is my name? One.", "What is my name? Two."]
    answers, fifth = talk.turns_at_once(after_fourth, questions)
    assert answers == [f"Your name is {name}."] * 2
    heads = [turn.head for turn in fifth]
    if is_new:
        assert heads[0] == heads[1] is not None
        assert sorted(text for turn in fifth for text in turn.sent) == questions
    else:
        assert sorted(head is None for head in heads) == [False, True], "one takes the thread, the other replays"
