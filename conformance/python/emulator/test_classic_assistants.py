"""azure-ai-agents: assistants, which the SDK calls agents."""

import uuid

import pytest
from azure.ai.agents import AgentsClient
from azure.ai.agents.models import FunctionTool
from azure.core.exceptions import ResourceNotFoundError

from support.functions import get_weather


def test_an_agent_is_created_read_updated_and_deleted(agents_client: AgentsClient) -> None:
    created = agents_client.create_agent(
        model="gpt-4o-mini",
        name="tutor",
        description="Explains things",
        instructions="Be patient.",
        tools=FunctionTool({get_weather}).definitions,
        temperature=0.5,
        metadata={"team": "school"},
    )
    assert created.id.startswith("asst_")
    assert created.object == "assistant"
    assert created.model == "gpt-4o-mini"
    assert created.tools[0].function.name == "get_weather"

    read = agents_client.get_agent(created.id)
    assert read.as_dict() == created.as_dict()

    updated = agents_client.update_agent(created.id, name="patient-tutor", instructions="Be very patient.")
    assert (updated.id, updated.name, updated.instructions) == (created.id, "patient-tutor", "Be very patient.")
    assert updated.description == "Explains things", "what an update does not name stays"
    assert updated.metadata == {"team": "school"}

    agents_client.delete_agent(created.id)
    with pytest.raises(ResourceNotFoundError):
        agents_client.get_agent(created.id)


def test_listing_follows_every_page(agents_client: AgentsClient) -> None:
    marker = uuid.uuid4().hex
    created = [agents_client.create_agent(model="gpt-4o-mini", name=f"{marker}-{n}").id for n in range(5)]
    try:
        listed = [agent.id for agent in agents_client.list_agents(limit=2, order="asc")]
        assert len(listed) == len(set(listed)), "no agent is listed twice"
        assert [identifier for identifier in listed if identifier in created] == created
        assert "asst_assistant" in listed, "the built-in agents are listed"

        newest_first = [agent.id for agent in agents_client.list_agents(limit=3)]
        assert [identifier for identifier in newest_first if identifier in created] == created[::-1]
        assert sorted(newest_first) == sorted(listed)
    finally:
        for identifier in created:
            agents_client.delete_agent(identifier)


def test_a_page_can_start_before_an_agent(agents_client: AgentsClient) -> None:
    listed = [agent.id for agent in agents_client.list_agents(limit=100, order="asc")]
    page = next(agents_client.list_agents(limit=100, order="asc", before=listed[2]).by_page())
    assert [agent.id for agent in page] == listed[:2]
