"""Answers in a form that the request asks for: JSON objects, JSON schemas, and the client's `parse`."""

import json

import pytest
from openai import OpenAI
from pydantic import BaseModel

from support.emulators import Emulator

QUESTION: list = [{"role": "user", "content": "Which city has Big Ben?"}]
KINDS = ["assistant", "asst_assistant"]


class Place(BaseModel):
    country: str
    inhabitants: int


class City(BaseModel):
    name: str
    is_capital: bool
    place: Place
    sights: list[str]


@pytest.mark.parametrize("model", KINDS)
def test_parse_gives_an_object(client: OpenAI, model: str) -> None:
    completion = client.chat.completions.parse(model=model, messages=QUESTION, response_format=City)
    message = completion.choices[0].message
    assert isinstance(message.parsed, City)
    assert message.refusal is None


@pytest.mark.parametrize("model", KINDS)
def test_parse_of_the_beta_gives_an_object(client: OpenAI, model: str) -> None:
    completion = client.beta.chat.completions.parse(model=model, messages=QUESTION, response_format=City)
    assert isinstance(completion.choices[0].message.parsed, City)


@pytest.mark.parametrize("model", KINDS)
def test_a_stream_is_parsed_at_its_end(client: OpenAI, model: str) -> None:
    with client.chat.completions.stream(model=model, messages=QUESTION, response_format=City) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        completion = stream.get_final_completion()
    assert isinstance(completion.choices[0].message.parsed, City)
    assert "".join(deltas) == completion.choices[0].message.content


@pytest.mark.parametrize("model", KINDS)
def test_a_json_object_is_one(client: OpenAI, model: str) -> None:
    completion = client.chat.completions.create(
        model=model, messages=QUESTION, response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(completion.choices[0].message.content or ""), dict)


def test_the_schema_reaches_a_new_agent_as_it_is_and_strict(client: OpenAI, journal: Emulator) -> None:
    client.chat.completions.parse(model="assistant", messages=QUESTION, response_format=City)
    [request] = [entry for entry in journal.journal() if entry["operation"] == "create_response"]
    sent = request["body"]["text"]["format"]
    assert (sent["type"], sent["name"], sent["strict"]) == ("json_schema", "City", True)
    assert list(sent["schema"]["properties"]) == ["name", "is_capital", "place", "sights"]
    assert request["body"]["instructions"] == "You are a helpful agent of the emulator."


def test_the_schema_reaches_a_classic_agent_as_it_is_and_strict(client: OpenAI, journal: Emulator) -> None:
    client.chat.completions.parse(model="asst_assistant", messages=QUESTION, response_format=City)
    [request] = [entry for entry in journal.journal() if entry["operation"] == "create_thread_and_run"]
    sent = request["body"]["response_format"]
    assert sent["type"] == "json_schema"
    assert (sent["json_schema"]["name"], sent["json_schema"]["strict"]) == ("City", True)
