"""A question that takes two steps of two parallel calls each, whichever client runs the functions."""

from support.emulators import Emulator

# One agent of each kind: that owns the function, and that is offered it by the client.
AGENTS_WITH_WEATHER = ["weather", "asst_weather"]
KINDS = ["assistant", "asst_assistant"]

QUESTION = "What is the weather in Paris and Rome, then the weather in Oslo and Bergen?"
ANSWER = "get_weather returned: Oslo is fine\nget_weather returned: Bergen is fine"

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a place.",
            "parameters": {
                "type": "object",
                "properties": {"location": {"type": "string"}},
                "required": ["location"],
                "additionalProperties": False,
            },
        },
    }
]


def get_weather(location: str) -> str:
    """The weather of a place."""
    return f"{location} is fine"


def assert_steps_went_upstream(journal: Emulator, model: str, turns: int) -> None:
    """Each turn of a loop was one call: to the same run of a classic agent, on the response before of a new one."""
    ignored = {"delete_thread", "get_agent", "get_assistant", "cancel_run"}
    entries = [entry for entry in journal.journal() if entry["operation"] not in ignored]
    operations = [entry["operation"] for entry in entries]
    if model.startswith("asst_"):
        assert operations == ["create_thread_and_run", *["submit_tool_outputs"] * (turns - 1)]
        paths = {entry["path"] for entry in entries[1:]}
        assert len(paths) == 1, "one run"
    else:
        assert operations == ["create_response"] * turns
        assert all("previous_response_id" in entry["body"] for entry in entries[1:])
