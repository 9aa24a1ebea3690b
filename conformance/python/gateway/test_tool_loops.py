"""Function calling with the OpenAI client: loops of two steps with two parallel calls each, on both kinds of agents."""

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessage

from support.emulators import Emulator
from support.tool_loops import (
    AGENTS_WITH_WEATHER,
    ANSWER,
    KINDS,
    QUESTION,
    TOOLS,
    assert_steps_went_upstream,
    get_weather,
)

Step = Callable[[OpenAI, dict[str, Any]], ChatCompletionMessage]


def at_once(client: OpenAI, request: dict[str, Any]) -> ChatCompletionMessage:
    [choice] = client.chat.completions.create(**request).choices
    assert choice.finish_reason == ("tool_calls" if choice.message.tool_calls else "stop")
    return choice.message


def streamed(client: OpenAI, request: dict[str, Any]) -> ChatCompletionMessage:
    # The client's own accumulator; it raises on deltas that do not add up.
    with client.chat.completions.stream(**request) as stream:
        for _ in stream:
            pass
        [choice] = stream.get_final_completion().choices
    assert choice.finish_reason == ("tool_calls" if choice.message.tool_calls else "stop")
    return choice.message


def run_loop(client: OpenAI, step: Step, request: dict[str, Any]) -> list[list[str]]:
    """Runs functions until the agent answers; gives the places of each step. The messages grow."""
    rounds: list[list[str]] = []
    while True:
        message = step(client, request)
        request["messages"].append(message)
        if not message.tool_calls:
            return rounds
        places = []
        for call in message.tool_calls:
            assert call.type == "function"
            places.append(json.loads(call.function.arguments)["location"])
            output = get_weather(places[-1])
            request["messages"].append({"role": "tool", "tool_call_id": call.id, "content": output})
        rounds.append(places)


@pytest.mark.parametrize("step", [at_once, streamed])
@pytest.mark.parametrize(("model", "tools"), [*((agent, None) for agent in AGENTS_WITH_WEATHER), *((kind, TOOLS) for kind in KINDS)])
def test_a_loop_of_two_steps_with_parallel_calls(
    client: OpenAI, journal: Emulator, model: str, tools: list | None, step: Step
) -> None:
    request: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
    if tools:
        request["tools"] = tools
    rounds = run_loop(client, step, request)
    assert rounds == [["Paris", "Rome"], ["Oslo", "Bergen"]]
    assert request["messages"][-1].content == ANSWER
    assert_steps_went_upstream(journal, model, 3)

    request["messages"].append({"role": "user", "content": "repeat exactly: thanks"})
    assert step(client, request).content == "thanks"


@pytest.mark.parametrize("model", AGENTS_WITH_WEATHER)
def test_results_that_do_not_fit_are_refused_by_name(client: OpenAI, model: str) -> None:
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    asked = at_once(client, {"model": model, "messages": messages})
    first, second = asked.tool_calls or []
    result = {"role": "tool", "tool_call_id": first.id, "content": "sunny"}
    for results, named in [
        ([], first.id),
        ([result], second.id),
        ([result, {**result, "tool_call_id": "call_strange"}], "call_strange"),
        ([result, result], first.id),
    ]:
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model=model, messages=[*messages, asked, *results])
        assert refused.value.code == "invalid_tool_results"
        assert named in refused.value.message


@pytest.mark.parametrize("model", AGENTS_WITH_WEATHER)
def test_a_loop_can_be_given_up(client: OpenAI, model: str) -> None:
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    messages.append(at_once(client, {"model": model, "messages": messages}))
    messages.append({"role": "user", "content": "repeat exactly: never mind"})
    assert at_once(client, {"model": model, "messages": messages}).content == "never mind"
