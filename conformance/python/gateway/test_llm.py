"""The command-line client `llm`, unmodified: `llm -c` continues what its own log remembers."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.conversations import KINDS, unheard_name, upstream_turns
from support.emulators import Emulator
from support.gateways import API_KEY, Gateway
from support.programs import REPOSITORY

PROGRAM = REPOSITORY / "target/conformance/llm/bin/llm"
Llm = Callable[..., str]


@pytest.fixture
def llm(gateway: Gateway, tmp_path: Path) -> Llm:
    """Runs `llm` with settings and a log of its own; gives what it prints."""
    assert PROGRAM.is_file(), f"{PROGRAM} is missing; scripts/test.sh installs it"
    models = [
        {"model_id": model, "model_name": model, "api_base": gateway.base_url, "api_key_name": "gateway"}
        for model in KINDS
    ]
    # JSON is YAML.
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps(models))
    (tmp_path / "keys.json").write_text(json.dumps({"gateway": API_KEY}))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LLM_USER_PATH": str(tmp_path)}

    def run(*arguments: str) -> str:
        ended = subprocess.run(
            [PROGRAM, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (ended.returncode, ended.stderr) == (0, ""), ended
        return ended.stdout.strip()

    return run


# Starting the program takes longest by far, so that not every pair is tried.
@pytest.mark.parametrize(("model", "options"), [("assistant", []), ("asst_assistant", ["--no-stream"])])
def test_five_turns(llm: Llm, journal: Emulator, model: str, options: list[str]) -> None:
    name = unheard_name()
    texts = [f"My name is {name}.", "I like tea.", "And rain.", "And maps.", "What is my name?"]
    said: list[str] = []
    heads = []
    for text in texts:
        journal.clear_journal()
        continued = ["--continue"] if said else []
        answer = llm("--model", model, *options, *continued, text)
        [turn] = upstream_turns(journal)
        assert turn.sent == [text], "only what is new"
        assert turn.known == said
        said += [text, answer]
        heads.append(turn.head)
    assert said[-1] == f"Your name is {name}."
    assert heads[0] is None
    assert None not in heads[1:]
    assert len(set(heads[1:])) == (4 if model == "assistant" else 1), "each answer is a head; a thread stays the same"


@pytest.mark.parametrize("model", KINDS)
def test_an_earlier_conversation_is_taken_up_again(llm: Llm, journal: Emulator, model: str) -> None:
    names = [unheard_name(), unheard_name()]
    for name in names:
        llm("--model", model, f"My name is {name}.")
    logged = json.loads(llm("logs", "list", "--json", "--count", "0"))
    of_first = next(entry["conversation_id"] for entry in logged if names[0] in entry["prompt"])
    journal.clear_journal()
    assert llm("--cid", of_first, "What is my name?") == f"Your name is {names[0]}."
    [turn] = upstream_turns(journal)
    assert turn.head is not None
    assert turn.sent == ["What is my name?"]
