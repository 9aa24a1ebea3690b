"""OpenAI's file client, images and files in messages, and files that agents make."""

import base64
import io
from typing import Any

import pytest
from openai import NotFoundError, OpenAI

from support.emulators import Emulator

KINDS = ["assistant", "asst_assistant"]
PIXEL = "data:image/png;base64,iVBORw0KGgo="
TABLE = b"x,y\n22,7\n"


def test_the_life_of_a_file(client: OpenAI) -> None:
    file = client.files.create(file=("notes.txt", b"some notes"), purpose="assistants")
    assert (file.filename, file.bytes, file.purpose, file.status) == ("notes.txt", 10, "assistants", "processed")
    assert client.files.retrieve(file.id) == file
    assert client.files.content(file.id).read() == b"some notes"
    assert file.id in [listed.id for listed in client.files.list(purpose="assistants")]
    assert client.files.delete(file.id).deleted
    with pytest.raises(NotFoundError) as gone:
        client.files.retrieve(file.id)
    assert gone.value.code == "file_not_found"


def test_a_large_file_streams_through(client: OpenAI, journal: Emulator) -> None:
    content = bytes(range(256)) * 40_000
    file = client.files.create(file=io.BytesIO(content), purpose="user_data")
    assert file.bytes == len(content)
    with client.files.with_streaming_response.content(file.id) as response:
        assert b"".join(response.iter_bytes()) == content
    client.files.delete(file.id)


def test_pages_of_files_are_followed(client: OpenAI) -> None:
    made = [client.files.create(file=(f"{number}.txt", b"x"), purpose="vision") for number in range(5)]
    listed = list(client.files.list(purpose="vision", limit=2, order="asc"))
    assert [file.id for file in listed] == [file.id for file in made]
    for file in made:
        client.files.delete(file.id)


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize("url", ["https://example.com/cat.png", PIXEL])
def test_an_image_is_seen(client: OpenAI, model: str, url: str) -> None:
    content: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
    ]
    completion = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
    assert "1" in (completion.choices[0].message.content or ""), "the emulator counts what comes with a text"


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize("by_id", [True, False], ids=["file_id", "file_data"])
def test_a_file_is_read(client: OpenAI, model: str, by_id: bool) -> None:
    if by_id:
        part: Any = {"file_id": client.files.create(file=("a.pdf", b"%PDF-"), purpose="user_data").id}
    else:
        data = base64.b64encode(b"%PDF-").decode()
        part = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{data}"}
    content: Any = [{"type": "text", "text": "What is this?"}, {"type": "file", "file": part}]
    completion = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
    assert completion.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", ["makes-files", "asst_makes_files"])
def test_what_an_agent_made_is_downloaded(client: OpenAI, model: str) -> None:
    message = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "go"}]).choices[0].message
    made = [annotation.model_extra or {} for annotation in message.annotations or []]
    [table] = {file["file_path"]["file_id"] for file in made if file["file_path"]["filename"] == "chart.csv"}
    assert client.files.content(table).read() == TABLE
    assert client.files.retrieve(table).filename == "chart.csv"


def test_a_generated_image_is_downloaded(client: OpenAI) -> None:
    message = client.chat.completions.create(model="draws", messages=[{"role": "user", "content": "go"}]).choices[0].message
    [annotation] = message.annotations or []
    assert annotation.url_citation.url in (message.content or "")
    file = (annotation.model_extra or {})["file_path"]
    assert client.files.content(file["file_id"]).read().startswith(b"\x89PNG")
