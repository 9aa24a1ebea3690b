"""azure-ai-agents: files, as far as the emulator offers them (no vector stores)."""

from pathlib import Path

import pytest
from azure.ai.agents import AgentsClient
from azure.ai.agents.models import FilePurpose
from azure.core.exceptions import ResourceNotFoundError


def test_a_file_is_uploaded_listed_read_and_deleted(agents_client: AgentsClient, tmp_path: Path) -> None:
    content = "größer\n".encode() * 3
    source = tmp_path / "notes.txt"
    source.write_bytes(content)

    uploaded = agents_client.files.upload(file_path=str(source), purpose=FilePurpose.AGENTS)
    assert (uploaded.filename, uploaded.bytes, uploaded.purpose) == ("notes.txt", len(content), "assistants")
    assert agents_client.files.get(uploaded.id).filename == "notes.txt"
    assert uploaded.id in [file.id for file in agents_client.files.list().data]
    assert b"".join(agents_client.files.get_content(uploaded.id)) == content

    agents_client.files.delete(uploaded.id)
    with pytest.raises(ResourceNotFoundError):
        agents_client.files.get(uploaded.id)
