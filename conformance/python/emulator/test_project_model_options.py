"""azure-ai-projects with openai: responses of a model with options of the request, without an agent."""

from typing import Any

import pytest
from azure.ai.projects import AIProjectClient
from azure.ai.projects.models import FunctionTool, PromptAgentDefinition
from openai import BadRequestError, OpenAI
from pydantic import BaseModel

TOOL: Any = {
    "type": "function",
    "name": "get_time",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class City(BaseModel):
    name: str
    inhabitants: int


def test_a_model_takes_what_an_agent_refuses(openai_client: OpenAI) -> None:
    response = openai_client.responses.create(
        model="gpt-emulated",
        instructions="Be brief.",
        input="What is the time in Oslo?",
        tools=[TOOL],
        temperature=0.2,
        reasoning={"effort": "low"},
    )
    [call] = [item for item in response.output if item.type == "function_call"]
    assert (call.name, call.arguments) == ("get_time", '{"city":"Oslo"}')
    assert response.instructions == "Be brief."
    assert response.temperature == 0.2
    assert "agent_reference" not in (response.model_extra or {})


def test_a_schema_is_followed(openai_client: OpenAI) -> None:
    response = openai_client.responses.parse(model="gpt-emulated", input="Which city?", text_format=City)
    assert isinstance(response.output_parsed, City)


def test_a_turn_of_a_model_continues_one_of_an_agent_and_the_other_way_round(openai_client: OpenAI) -> None:
    by_agent = {"agent_reference": {"type": "agent_reference", "name": "assistant"}}
    first = openai_client.responses.create(input="My name is Ada.", extra_body=by_agent)
    second = openai_client.responses.create(
        model="gpt-emulated", input="What is my name?", previous_response_id=first.id
    )
    assert "Ada" in second.output_text
    third = openai_client.responses.create(
        input="And what is my name now?", previous_response_id=second.id, extra_body=by_agent
    )
    assert third.status == "completed"


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "nested"}}]}, "tools[0].name"),
        ({"text": {"format": {"type": "json_schema", "json_schema": {"name": "nested"}}}}, "text.format.name"),
    ],
)
def test_the_shapes_of_chat_completions_are_refused(openai_client: OpenAI, options: Any, param: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        openai_client.responses.create(model="gpt-emulated", input="hi", **options)
    assert refused.value.param == param


def test_an_agent_tells_its_definition(project_client: AIProjectClient) -> None:
    definition = PromptAgentDefinition(
        model="gpt-emulated",
        instructions="Be kind.",
        temperature=0.5,
        tools=[FunctionTool(name="get_time", parameters=TOOL["parameters"], strict=True)],
    )
    made = project_client.agents.create_version(agent_name="told", definition=definition)
    latest = project_client.agents.get(agent_name="told").versions["latest"]
    read = project_client.agents.get_version(agent_name="told", agent_version=made.version)
    for version in (latest, read):
        assert version.definition["kind"] == "prompt"
        assert version.definition["instructions"] == "Be kind."
        assert version.definition["tools"][0]["name"] == "get_time"
    project_client.agents.delete(agent_name="told")
