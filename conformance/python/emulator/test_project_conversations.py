"""azure-ai-projects with openai: conversations and their items, and files."""

import pytest
from openai import NotFoundError, OpenAI

AGENT = {"agent_reference": {"type": "agent_reference", "name": "assistant"}}


def test_a_conversation_is_created_read_updated_and_deleted(openai_client: OpenAI) -> None:
    conversation = openai_client.conversations.create(metadata={"subject": "history"})
    assert conversation.id.startswith("conv_")
    assert openai_client.conversations.retrieve(conversation.id).metadata == {"subject": "history"}
    updated = openai_client.conversations.update(conversation.id, metadata={"subject": "art"})
    assert updated.metadata == {"subject": "art"}
    deleted = openai_client.conversations.delete(conversation.id)
    assert (deleted.object, deleted.deleted) == ("conversation.deleted", True)
    with pytest.raises(NotFoundError):
        openai_client.conversations.retrieve(conversation.id)


def test_a_conversation_remembers(openai_client: OpenAI) -> None:
    conversation = openai_client.conversations.create(
        items=[{"type": "message", "role": "user", "content": "My name is Ada."}]
    )
    first = openai_client.responses.create(conversation=conversation.id, extra_body=AGENT)
    assert first.conversation.id == conversation.id
    second = openai_client.responses.create(input="What is my name?", conversation=conversation.id, extra_body=AGENT)
    assert "Ada" in second.output_text

    items = list(openai_client.conversations.items.list(conversation.id, order="asc", limit=2))
    assert [item.role for item in items] == ["user", "assistant", "user", "assistant"]
    assert [item.id for item in openai_client.conversations.items.list(conversation.id)] == [item.id for item in items][
        ::-1
    ]


def test_items_are_added_read_and_deleted(openai_client: OpenAI) -> None:
    conversation = openai_client.conversations.create()
    added = openai_client.conversations.items.create(
        conversation.id, items=[{"type": "message", "role": "user", "content": "repeat exactly: ping"}]
    )
    [item] = added.data
    assert openai_client.conversations.items.retrieve(item.id, conversation_id=conversation.id).id == item.id
    response = openai_client.responses.create(conversation=conversation.id, extra_body=AGENT)
    assert response.output_text == "ping"
    openai_client.conversations.items.delete(item.id, conversation_id=conversation.id)
    remaining = [left.id for left in openai_client.conversations.items.list(conversation.id)]
    assert item.id not in remaining
    assert len(remaining) == 1


def test_a_streamed_response_joins_its_conversation(openai_client: OpenAI) -> None:
    conversation = openai_client.conversations.create()
    with openai_client.responses.create(
        input="My name is Ada.", conversation=conversation.id, stream=True, extra_body=AGENT
    ) as stream:
        *_, last = stream
    assert last.response.conversation.id == conversation.id
    response = openai_client.responses.create(input="What is my name?", conversation=conversation.id, extra_body=AGENT)
    assert "Ada" in response.output_text


def test_an_unknown_conversation_is_not_found(openai_client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as missing:
        openai_client.responses.create(input="Hello", conversation="conv_missing", extra_body=AGENT)
    assert "conv_missing" in missing.value.message


def test_a_file_is_uploaded_listed_read_and_deleted(openai_client: OpenAI) -> None:
    content = "größer\n".encode() * 3
    uploaded = openai_client.files.create(file=("notes.txt", content), purpose="assistants")
    assert (uploaded.filename, uploaded.bytes, uploaded.purpose) == ("notes.txt", len(content), "assistants")
    assert openai_client.files.retrieve(uploaded.id).filename == "notes.txt"
    assert uploaded.id in [file.id for file in openai_client.files.list()]
    assert openai_client.files.content(uploaded.id).read() == content
    openai_client.files.delete(uploaded.id)
    with pytest.raises(NotFoundError):
        openai_client.files.retrieve(uploaded.id)
