"""azure-ai-agents: threads and their messages."""

import pytest
from azure.ai.agents import AgentsClient
from azure.ai.agents.models import (
    ListSortOrder,
    MessageImageUrlParam,
    MessageInputImageUrlBlock,
    MessageInputTextBlock,
    MessageRole,
    ThreadMessageOptions,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError


def test_a_thread_is_created_read_updated_and_deleted(agents_client: AgentsClient) -> None:
    thread = agents_client.threads.create(metadata={"subject": "history"})
    assert thread.id.startswith("thread_")
    assert thread.object == "thread"

    assert agents_client.threads.get(thread.id).metadata == {"subject": "history"}
    updated = agents_client.threads.update(thread.id, metadata={"subject": "art"})
    assert updated.metadata == {"subject": "art"}
    assert agents_client.threads.get(thread.id).metadata == {"subject": "art"}

    agents_client.threads.delete(thread.id)
    with pytest.raises(ResourceNotFoundError) as missing:
        agents_client.threads.get(thread.id)
    assert thread.id in str(missing.value)


def test_a_thread_can_start_with_messages(agents_client: AgentsClient) -> None:
    thread = agents_client.threads.create(
        messages=[
            ThreadMessageOptions(role="user", content="My name is Ada."),
            ThreadMessageOptions(role="assistant", content="Good day, Ada."),
        ]
    )
    messages = list(agents_client.messages.list(thread.id, order=ListSortOrder.ASCENDING))
    assert [message.role for message in messages] == [MessageRole.USER, MessageRole.AGENT]
    assert [message.content[0].text.value for message in messages] == ["My name is Ada.", "Good day, Ada."]


def test_threads_are_listed(agents_client: AgentsClient) -> None:
    created = [agents_client.threads.create().id for _ in range(3)]
    listed = [thread.id for thread in agents_client.threads.list(limit=2)]
    assert len(listed) == len(set(listed))
    assert [identifier for identifier in listed if identifier in created] == created[::-1]


def test_messages_are_created_read_updated_and_listed(agents_client: AgentsClient) -> None:
    thread = agents_client.threads.create()
    texts = [f"message {n}: 你好, größer, 🙂" for n in range(5)]
    created = [agents_client.messages.create(thread.id, role="user", content=text) for text in texts]
    assert all(message.id.startswith("msg_") for message in created)

    ascending = list(agents_client.messages.list(thread.id, limit=2, order=ListSortOrder.ASCENDING))
    assert [message.id for message in ascending] == [message.id for message in created]
    assert [message.content[0].text.value for message in ascending] == texts
    descending = list(agents_client.messages.list(thread.id, limit=2))
    assert [message.id for message in descending] == [message.id for message in created][::-1]

    updated = agents_client.messages.update(thread.id, created[0].id, metadata={"seen": "yes"})
    assert updated.metadata == {"seen": "yes"}
    assert agents_client.messages.get(thread.id, created[0].id).metadata == {"seen": "yes"}


def test_a_message_holds_text_and_images(agents_client: AgentsClient) -> None:
    thread = agents_client.threads.create()
    message = agents_client.messages.create(
        thread.id,
        role="user",
        content=[
            MessageInputTextBlock(text="What is this?"),
            MessageInputImageUrlBlock(image_url=MessageImageUrlParam(url="https://example.com/cat.png", detail="low")),
        ],
    )
    text, image = agents_client.messages.get(thread.id, message.id).content
    assert text.text.value == "What is this?"
    # The SDK knows no class for an image that comes by URL; it leaves such content as it came.
    assert (image.type, image["image_url"]["url"]) == ("image_url", "https://example.com/cat.png")


@pytest.mark.parametrize("role", ["system", "developer", "tool"])
def test_a_message_has_only_two_roles(agents_client: AgentsClient, role: str) -> None:
    thread = agents_client.threads.create()
    with pytest.raises(HttpResponseError) as refused:
        agents_client.messages.create(thread.id, role=role, content="Be brief.")
    assert refused.value.status_code == 400


def test_a_missing_message_is_not_found(agents_client: AgentsClient) -> None:
    thread = agents_client.threads.create()
    with pytest.raises(ResourceNotFoundError):
        agents_client.messages.get(thread.id, "msg_missing")
