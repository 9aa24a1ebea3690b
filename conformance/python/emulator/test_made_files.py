"""Files and images that agents make: cited, held by items, and downloaded, in both dialects."""

import base64
from typing import Any

import pytest

from azure.ai.agents import AgentsClient
from azure.ai.agents.models import AgentThreadCreationOptions, MessageRole, ThreadMessageOptions
from openai import BadRequestError, OpenAI

TABLE = b"x,y\n22,7\n"
PNG = b"\x89PNG\r\n\x1a\n"


def agent(name: str) -> dict[str, Any]:
    return {"agent_reference": {"type": "agent_reference", "name": name}}


def test_a_file_in_a_container_is_cited_and_downloaded(openai_client: OpenAI) -> None:
    response = openai_client.responses.create(input="go", extra_body=agent("makes-files"))
    [code] = [item for item in response.output if item.type == "code_interpreter_call"]
    [message] = [item for item in response.output if item.type == "message"]
    [annotation] = message.content[0].annotations
    assert annotation.type == "container_file_citation"
    assert annotation.container_id == code.container_id
    assert annotation.filename == "chart.csv"
    cited = message.content[0].text[annotation.start_index : annotation.end_index]
    assert cited == "sandbox:/mnt/data/chart.csv"
    place = {"container_id": annotation.container_id, "file_id": annotation.file_id}
    assert openai_client.containers.files.content.retrieve(**place).read() == TABLE
    assert openai_client.containers.files.retrieve(**place).path == "/mnt/data/chart.csv"


def test_the_events_of_code_and_its_file(openai_client: OpenAI) -> None:
    stream = openai_client.responses.create(input="go", stream=True, extra_body=agent("makes-files"))
    names = [event.type for event in stream]
    assert "response.code_interpreter_call.completed" in names
    assert "response.output_text.annotation.added" in names


def test_a_generated_image_is_in_its_item(openai_client: OpenAI) -> None:
    response = openai_client.responses.create(input="draw", extra_body=agent("draws"))
    [image] = [item for item in response.output if item.type == "image_generation_call"]
    assert base64.b64decode(image.result).startswith(PNG)
    kept = openai_client.responses.retrieve(response.id)
    assert [item.result for item in kept.output if item.type == "image_generation_call"] == [image.result]


def test_a_classic_agent_makes_a_file_and_an_image(agents_client: AgentsClient) -> None:
    run = agents_client.create_thread_and_process_run(
        agent_id="asst_makes_files",
        thread=AgentThreadCreationOptions(messages=[ThreadMessageOptions(role="user", content="go")]),
    )
    message = agents_client.messages.get_last_message_by_role(thread_id=run.thread_id, role=MessageRole.AGENT)
    [path] = message.file_path_annotations
    assert path.text == "sandbox:/mnt/data/chart.csv"
    assert b"".join(agents_client.files.get_content(path.file_path.file_id)) == TABLE
    assert agents_client.files.get(path.file_path.file_id).filename == "chart.csv"
    [image] = message.image_contents
    assert b"".join(agents_client.files.get_content(image.image_file.file_id)).startswith(PNG)


def test_a_cited_document_of_a_classic_agent(agents_client: AgentsClient) -> None:
    run = agents_client.create_thread_and_process_run(
        agent_id="asst_cites",
        thread=AgentThreadCreationOptions(messages=[ThreadMessageOptions(role="user", content="go")]),
    )
    message = agents_client.messages.get_last_message_by_role(thread_id=run.thread_id, role=MessageRole.AGENT)
    [document] = message.file_citation_annotations
    text = message.text_messages[0].text.value
    assert text[document.start_index : document.end_index] == document.text == "【3:1†constants.md】"


def test_a_message_reads_uploaded_files_and_no_others(openai_client: OpenAI) -> None:
    def ask(file_id: str) -> Any:
        content: Any = [{"type": "input_text", "text": "Read this."}, {"type": "input_file", "file_id": file_id}]
        message: Any = {"type": "message", "role": "user", "content": content}
        return openai_client.responses.create(input=[message], extra_body=agent("assistant"))

    file = openai_client.files.create(file=("a.txt", b"x"), purpose="assistants")
    assert ask(file.id).status == "completed"
    with pytest.raises(BadRequestError):
        ask("assistant-nobody")
