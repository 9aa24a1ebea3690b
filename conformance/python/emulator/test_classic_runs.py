"""azure-ai-agents: runs without a stream."""

from collections.abc import Callable

import pytest
from azure.ai.agents import AgentsClient
from azure.ai.agents.models import (
    AgentThreadCreationOptions,
    FunctionTool,
    ListSortOrder,
    MessageRole,
    RunStatus,
    SubmitToolOutputsAction,
    ThreadMessageOptions,
    ThreadRun,
    ToolOutput,
    ToolSet,
)
from azure.core.exceptions import HttpResponseError

from support.credentials import StaticCredential
from support.emulators import Emulator
from support.functions import get_weather
from support.programs import wait_for

UNFINISHED = (RunStatus.QUEUED, RunStatus.IN_PROGRESS, RunStatus.CANCELLING)


def poll(client: AgentsClient, run: ThreadRun) -> ThreadRun:
    """Polls until the run rests, as every user of the SDK does."""

    def rested() -> ThreadRun | None:
        current = client.runs.get(run.thread_id, run.id)
        return None if current.status in UNFINISHED else current

    return wait_for(f"run {run.id} to rest", rested, timeout_seconds=10)


def thread_with(client: AgentsClient, text: str) -> str:
    return client.threads.create(messages=[ThreadMessageOptions(role="user", content=text)]).id


def answer_of(client: AgentsClient, thread_id: str) -> str:
    return client.messages.get_last_message_text_by_role(thread_id, MessageRole.AGENT).text.value


def test_a_run_is_created_polled_and_read(agents_client: AgentsClient) -> None:
    thread_id = thread_with(agents_client, "repeat exactly: Größe 🙂")
    run = agents_client.runs.create(thread_id=thread_id, agent_id="asst_assistant", metadata={"n": "1"})
    assert run.id.startswith("run_")
    assert run.status in (RunStatus.QUEUED, RunStatus.IN_PROGRESS)
    assert run.usage is None, "usage comes with the end of a run"

    run = poll(agents_client, run)
    assert run.status == RunStatus.COMPLETED
    assert run.metadata == {"n": "1"}
    assert run.usage.total_tokens == run.usage.prompt_tokens + run.usage.completion_tokens > 0
    assert answer_of(agents_client, thread_id) == "Größe 🙂"

    [answer] = [
        message
        for message in agents_client.messages.list(thread_id, run_id=run.id)
        if message.role == MessageRole.AGENT
    ]
    assert answer.agent_id == "asst_assistant"
    [step] = list(agents_client.run_steps.list(thread_id, run.id))
    assert step.type == "message_creation"
    assert step.step_details.message_creation.message_id == answer.id
    assert agents_client.run_steps.get(thread_id, run.id, step.id).status == "completed"
    assert [listed.id for listed in agents_client.runs.list(thread_id)] == [run.id]
    assert agents_client.runs.update(thread_id, run.id, metadata={"n": "2"}).metadata == {"n": "2"}


def test_a_thread_remembers(agents_client: AgentsClient) -> None:
    thread_id = thread_with(agents_client, "My name is Ada.")
    agents_client.runs.create_and_process(thread_id=thread_id, agent_id="asst_assistant", polling_interval=0.05)
    agents_client.messages.create(thread_id, role="user", content="What is my name?")
    run = agents_client.runs.create_and_process(thread_id=thread_id, agent_id="asst_assistant", polling_interval=0.05)
    assert run.status == RunStatus.COMPLETED
    assert "Ada" in answer_of(agents_client, thread_id)
    roles = [message.role for message in agents_client.messages.list(thread_id, order=ListSortOrder.ASCENDING)]
    assert roles == [MessageRole.USER, MessageRole.AGENT] * 2


def test_thread_and_run_in_one_call(agents_client: AgentsClient) -> None:
    run = agents_client.create_thread_and_run(
        agent_id="asst_echo",
        thread=AgentThreadCreationOptions(messages=[ThreadMessageOptions(role="user", content="ping")]),
    )
    assert poll(agents_client, run).status == RunStatus.COMPLETED
    assert answer_of(agents_client, run.thread_id) == "ping"


def test_thread_and_run_are_processed_in_one_call(agents_client: AgentsClient) -> None:
    run = agents_client.create_thread_and_process_run(
        agent_id="asst_echo",
        thread=AgentThreadCreationOptions(messages=[ThreadMessageOptions(role="user", content="ping")]),
        polling_interval=0.05,
    )
    assert run.status == RunStatus.COMPLETED
    assert answer_of(agents_client, run.thread_id) == "ping"


@pytest.mark.parametrize("tools_of", [None, [FunctionTool({get_weather}).definitions[0]]], ids=["agent's", "run's"])
def test_tool_outputs_are_submitted_by_hand(agents_client: AgentsClient, tools_of: list | None) -> None:
    thread_id = thread_with(agents_client, "What is the weather in Paris?")
    agent_id = "asst_assistant" if tools_of else "asst_weather"
    run = poll(agents_client, agents_client.runs.create(thread_id=thread_id, agent_id=agent_id, tools=tools_of))
    assert run.status == RunStatus.REQUIRES_ACTION
    assert isinstance(run.required_action, SubmitToolOutputsAction)
    [call] = run.required_action.submit_tool_outputs.tool_calls
    assert call.function.name == "get_weather"
    assert "Paris" in call.function.arguments

    agents_client.runs.submit_tool_outputs(
        thread_id, run.id, tool_outputs=[ToolOutput(tool_call_id=call.id, output="21 degrees")]
    )
    assert poll(agents_client, run).status == RunStatus.COMPLETED
    assert "21 degrees" in answer_of(agents_client, thread_id)
    steps = list(agents_client.run_steps.list(thread_id, run.id, order=ListSortOrder.ASCENDING))
    assert [step.type for step in steps] == ["tool_calls", "message_creation"]
    assert steps[0].step_details.tool_calls[0].function.name == "get_weather"


def test_functions_are_called_by_the_sdk(agents_client: AgentsClient) -> None:
    toolset = ToolSet()
    toolset.add(FunctionTool({get_weather}))
    agents_client.enable_auto_function_calls(toolset)
    thread_id = thread_with(agents_client, "What is the weather in Oslo?")
    run = agents_client.runs.create_and_process(thread_id=thread_id, agent_id="asst_weather", polling_interval=0.05)
    assert run.status == RunStatus.COMPLETED
    assert "sunny in Oslo" in answer_of(agents_client, thread_id)


def test_all_outputs_are_asked_for_in_one_call(agents_client: AgentsClient) -> None:
    thread_id = thread_with(agents_client, "What is the weather in Paris and Oslo?")
    run = poll(agents_client, agents_client.runs.create(thread_id=thread_id, agent_id="asst_weather"))
    calls = run.required_action.submit_tool_outputs.tool_calls
    assert len(calls) == 2
    with pytest.raises(HttpResponseError) as refused:
        agents_client.runs.submit_tool_outputs(
            thread_id, run.id, tool_outputs=[ToolOutput(tool_call_id=calls[0].id, output="21 degrees")]
        )
    assert refused.value.status_code == 400


def test_a_waiting_run_locks_its_thread_until_it_is_cancelled(agents_client: AgentsClient) -> None:
    thread_id = thread_with(agents_client, "What is the weather in Paris?")
    run = poll(agents_client, agents_client.runs.create(thread_id=thread_id, agent_id="asst_weather"))
    assert run.status == RunStatus.REQUIRES_ACTION
    assert (run.expires_at - run.created_at).total_seconds() >= 36000

    attempts: list[Callable[[], object]] = [
        lambda: agents_client.runs.create(thread_id=thread_id, agent_id="asst_assistant"),
        lambda: agents_client.messages.create(thread_id, role="user", content="Hurry up."),
    ]
    for attempt in attempts:
        with pytest.raises(HttpResponseError) as locked:
            attempt()
        assert locked.value.status_code == 400
        assert thread_id in locked.value.message
        assert run.id in locked.value.message

    assert agents_client.runs.cancel(thread_id, run.id).status in (RunStatus.CANCELLING, RunStatus.CANCELLED)
    assert poll(agents_client, run).status == RunStatus.CANCELLED
    agents_client.messages.create(thread_id, role="user", content="repeat exactly: free again")
    run = agents_client.runs.create_and_process(thread_id=thread_id, agent_id="asst_assistant", polling_interval=0.05)
    assert run.status == RunStatus.COMPLETED
    assert answer_of(agents_client, thread_id) == "free again"


@pytest.mark.parametrize(
    ("agent_id", "code", "message"),
    [
        ("asst_fail_run_rate_limit", "rate_limit_exceeded", "Rate limit is exceeded. Try again in 60 seconds."),
        ("asst_fail_run_server_error", "server_error", "Sorry, something went wrong."),
        ("asst_fail_run_model", "invalid_engine_error", None),
    ],
)
def test_a_failed_run_tells_why(agents_client: AgentsClient, agent_id: str, code: str, message: str | None) -> None:
    thread_id = thread_with(agents_client, "Hello")
    run = agents_client.runs.create_and_process(thread_id=thread_id, agent_id=agent_id, polling_interval=0.05)
    assert run.status == RunStatus.FAILED
    assert run.last_error.code == code
    if message:
        assert run.last_error.message == message


def test_an_approval_is_asked_for(agents_client: AgentsClient) -> None:
    thread_id = thread_with(agents_client, "Hello")
    run = poll(agents_client, agents_client.runs.create(thread_id=thread_id, agent_id="asst_approval"))
    assert run.status == RunStatus.REQUIRES_ACTION
    assert run.required_action.type == "submit_tool_approval"


@pytest.mark.parametrize(("approve", "outcome"), [(True, "approved"), (False, "denied")])
def test_an_approval_is_given_with_the_preview_version(emulator: Emulator, approve: bool, outcome: str) -> None:
    with AgentsClient(
        endpoint=emulator.project_endpoint, credential=StaticCredential(), api_version="2025-05-15-preview"
    ) as client:
        thread_id = thread_with(client, "Find lamps")
        run = poll(client, client.runs.create(thread_id=thread_id, agent_id="asst_approval"))
        # The stable SDK has no model for it; the wire does.
        [call] = run.required_action["submit_tool_approval"]["tool_calls"]
        assert (call["type"], call["server_label"], call["name"]) == ("mcp", "catalogue", "search_catalogue")
        approval = {"tool_call_id": call["id"], "approve": approve}
        client.runs.submit_tool_outputs(thread_id, run.id, body={"tool_approvals": [approval]})
        assert poll(client, run).status == RunStatus.COMPLETED
        assert answer_of(client, thread_id) == f"search_catalogue returned: {outcome}"


def test_outputs_that_do_not_fit_leave_the_run_waiting(agents_client: AgentsClient) -> None:
    thread_id = thread_with(agents_client, "What is the weather in Paris and Rome?")
    run = poll(agents_client, agents_client.runs.create(thread_id=thread_id, agent_id="asst_weather"))
    first, second = run.required_action.submit_tool_outputs.tool_calls
    for ids in [[first.id], [first.id, "call_strange"], [first.id, second.id, first.id], []]:
        outputs = [ToolOutput(tool_call_id=call_id, output="21 degrees") for call_id in ids]
        with pytest.raises(HttpResponseError) as refused:
            agents_client.runs.submit_tool_outputs(thread_id, run.id, tool_outputs=outputs)
        assert refused.value.status_code == 400
        assert agents_client.runs.get(thread_id, run.id).status == RunStatus.REQUIRES_ACTION
    outputs = [ToolOutput(tool_call_id=call.id, output="21 degrees") for call in (second, first)]
    agents_client.runs.submit_tool_outputs(thread_id, run.id, tool_outputs=outputs)
    assert poll(agents_client, run).status == RunStatus.COMPLETED


def test_an_unknown_agent_is_refused(agents_client: AgentsClient) -> None:
    thread_id = thread_with(agents_client, "Hello")
    with pytest.raises(HttpResponseError) as refused:
        agents_client.runs.create(thread_id=thread_id, agent_id="asst_missing")
    assert refused.value.status_code in (400, 404)
    assert "asst_missing" in refused.value.message
