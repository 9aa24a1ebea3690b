"""azure-ai-projects: new agents and their versions."""

import uuid
from collections.abc import Iterator

import pytest
from azure.ai.projects import AIProjectClient
from azure.ai.projects.models import FunctionTool, PromptAgentDefinition
from azure.core.exceptions import ResourceNotFoundError


@pytest.fixture
def agent_name(project_client: AIProjectClient) -> Iterator[str]:
    """A name no other test uses; an agent that has it at the end of the test is deleted."""
    name = f"agent-{uuid.uuid4().hex[:12]}"
    yield name
    try:
        project_client.agents.delete(name)
    except ResourceNotFoundError:
        pass


def test_versions_are_created_read_listed_and_deleted(project_client: AIProjectClient, agent_name: str) -> None:
    first = project_client.agents.create_version(
        agent_name,
        definition=PromptAgentDefinition(model="gpt-4o-mini", instructions="Be patient."),
        metadata={"team": "school"},
        description="Explains things",
    )
    assert (first.name, first.version, first.id) == (agent_name, "1", f"{agent_name}:1")
    assert first.metadata == {"team": "school"}
    assert first.description == "Explains things"
    second = project_client.agents.create_version(
        agent_name,
        definition=PromptAgentDefinition(
            model="gpt-4o-mini",
            instructions="Be very patient.",
            temperature=0.2,
            tools=[
                FunctionTool(
                    name="get_weather",
                    description="Tells the weather",
                    parameters={"type": "object", "properties": {"location": {"type": "string"}}},
                    strict=False,
                )
            ],
        ),
    )
    assert second.version == "2"

    agent = project_client.agents.get(agent_name)
    assert agent.name == agent_name
    assert agent.versions.latest.version == "2"
    assert agent.versions.latest.definition.instructions == "Be very patient."
    assert agent.versions.latest.definition.tools[0].name == "get_weather"
    assert project_client.agents.get_version(agent_name, "1").definition.instructions == "Be patient."

    newest_first = [version.version for version in project_client.agents.list_versions(agent_name, limit=1)]
    assert newest_first == ["2", "1"]

    project_client.agents.delete_version(agent_name, "1")
    with pytest.raises(ResourceNotFoundError):
        project_client.agents.get_version(agent_name, "1")
    deleted = project_client.agents.delete(agent_name)
    assert deleted.deleted
    with pytest.raises(ResourceNotFoundError) as missing:
        project_client.agents.get(agent_name)
    assert agent_name in missing.value.message


def test_listing_follows_every_page(project_client: AIProjectClient) -> None:
    everything = [agent.name for agent in project_client.agents.list(limit=100, order="asc")]
    paged = [agent.name for agent in project_client.agents.list(limit=3, order="asc")]
    assert paged == everything
    assert len(set(everything)) == len(everything)
    assert {"assistant", "echo", "weather"} <= set(everything)
    assert [agent.name for agent in project_client.agents.list(limit=3)] == everything[::-1]


def test_agents_are_listed_by_kind(project_client: AIProjectClient) -> None:
    kinds = {agent.versions.latest.definition.kind for agent in project_client.agents.list(kind="prompt")}
    assert kinds == {"prompt"}
    assert [agent.name for agent in project_client.agents.list(kind="workflow")] == ["workflow"]
    assert list(project_client.agents.list(kind="external")) == []
