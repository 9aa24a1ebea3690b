"""azure-ai-agents: streamed runs, read by the SDK's own event handlers."""

import pytest
from azure.ai.agents import AgentsClient
from azure.ai.agents.models import (
    AgentEventHandler,
    AgentStreamEvent,
    FunctionTool,
    MessageDeltaChunk,
    MessageRole,
    RunStep,
    RunStepDeltaChunk,
    SubmitToolOutputsAction,
    ThreadMessage,
    ThreadMessageOptions,
    ThreadRun,
    ToolOutput,
    ToolSet,
)

from support.functions import get_weather


class Recorder(AgentEventHandler):
    """Keeps what an application would keep."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.runs: list[ThreadRun] = []
        self.messages: list[ThreadMessage] = []
        self.steps: list[RunStep] = []
        self.step_deltas: list[RunStepDeltaChunk] = []
        self.errors: list[str] = []
        self.unhandled: list[str] = []
        self.done = False

    def on_message_delta(self, delta: MessageDeltaChunk) -> None:
        self.text += delta.text

    def on_thread_message(self, message: ThreadMessage) -> None:
        self.messages.append(message)

    def on_thread_run(self, run: ThreadRun) -> None:
        self.runs.append(run)

    def on_run_step(self, step: RunStep) -> None:
        self.steps.append(step)

    def on_run_step_delta(self, delta: RunStepDeltaChunk) -> None:
        self.step_deltas.append(delta)

    def on_error(self, data: str) -> None:
        self.errors.append(data)

    def on_done(self) -> None:
        self.done = True

    def on_unhandled_event(self, event_type: str, event_data: object) -> None:
        self.unhandled.append(event_type)


def thread_with(client: AgentsClient, text: str) -> str:
    return client.threads.create(messages=[ThreadMessageOptions(role="user", content=text)]).id


def test_the_events_of_a_text_answer(agents_client: AgentsClient) -> None:
    thread_id = thread_with(agents_client, "repeat exactly: one two three four")
    with agents_client.runs.stream(thread_id=thread_id, agent_id="asst_assistant") as stream:
        events = [event_type for event_type, _data, _returned in stream]

    deltas = events.count(AgentStreamEvent.THREAD_MESSAGE_DELTA)
    assert deltas > 1
    assert events == [
        AgentStreamEvent.THREAD_RUN_CREATED,
        AgentStreamEvent.THREAD_RUN_QUEUED,
        AgentStreamEvent.THREAD_RUN_IN_PROGRESS,
        AgentStreamEvent.THREAD_RUN_STEP_CREATED,
        AgentStreamEvent.THREAD_RUN_STEP_IN_PROGRESS,
        AgentStreamEvent.THREAD_MESSAGE_CREATED,
        AgentStreamEvent.THREAD_MESSAGE_IN_PROGRESS,
        *[AgentStreamEvent.THREAD_MESSAGE_DELTA] * deltas,
        AgentStreamEvent.THREAD_MESSAGE_COMPLETED,
        AgentStreamEvent.THREAD_RUN_STEP_COMPLETED,
        AgentStreamEvent.THREAD_RUN_COMPLETED,
        AgentStreamEvent.DONE,
    ]


def test_a_handler_hears_everything(agents_client: AgentsClient) -> None:
    thread_id = thread_with(agents_client, "repeat exactly: 你好, größer, 🙂")
    recorder = Recorder()
    with agents_client.runs.stream(thread_id=thread_id, agent_id="asst_assistant", event_handler=recorder) as stream:
        stream.until_done()

    assert recorder.text == "你好, größer, 🙂"
    assert recorder.messages[-1].content[0].text.value == recorder.text
    assert recorder.messages[-1].status == "completed"
    assert [run.usage is None for run in recorder.runs] == [True] * (len(recorder.runs) - 1) + [False]
    assert recorder.steps[-1].usage.total_tokens == recorder.runs[-1].usage.total_tokens
    assert recorder.done
    assert recorder.errors == recorder.unhandled == []


def test_tool_outputs_are_submitted_in_the_same_stream(agents_client: AgentsClient) -> None:
    toolset = ToolSet()
    toolset.add(FunctionTool({get_weather}))
    agents_client.enable_auto_function_calls(toolset)
    thread_id = thread_with(agents_client, "What is the weather in Oslo?")
    recorder = Recorder()
    with agents_client.runs.stream(thread_id=thread_id, agent_id="asst_weather", event_handler=recorder) as stream:
        stream.until_done()

    assert "sunny in Oslo" in recorder.text
    assert "requires_action" in [run.status for run in recorder.runs]
    assert recorder.runs[-1].status == "completed"
    assert recorder.step_deltas, "the arguments of the call are streamed"


def test_tool_outputs_are_submitted_to_a_stream_by_hand(agents_client: AgentsClient) -> None:
    thread_id = thread_with(agents_client, "What is the weather in Oslo?")
    with agents_client.runs.stream(thread_id=thread_id, agent_id="asst_weather") as stream:
        events = [(event_type, data) for event_type, data, _returned in stream]
    assert events[-1][0] == AgentStreamEvent.DONE
    event_type, waiting = events[-2]
    assert event_type == AgentStreamEvent.THREAD_RUN_REQUIRES_ACTION
    assert isinstance(waiting.required_action, SubmitToolOutputsAction)
    assert waiting.usage is None

    recorder = Recorder()
    agents_client.runs.submit_tool_outputs_stream(
        thread_id,
        waiting.id,
        tool_outputs=[
            ToolOutput(tool_call_id=call.id, output="minus 3 degrees")
            for call in waiting.required_action.submit_tool_outputs.tool_calls
        ],
        event_handler=recorder,
    )
    recorder.until_done()
    assert "minus 3 degrees" in recorder.text
    assert recorder.steps[0].status == "completed", "the step of the call ends first"
    assert recorder.runs[-1].status == "completed"
    assert recorder.done


def test_a_cancelled_run_frees_the_thread(agents_client: AgentsClient) -> None:
    thread_id = thread_with(agents_client, "What is the weather in Oslo?")
    recorder = Recorder()
    with agents_client.runs.stream(thread_id=thread_id, agent_id="asst_weather", event_handler=recorder) as stream:
        stream.until_done()
    run = agents_client.runs.cancel(thread_id, recorder.runs[-1].id)
    assert run.status in ("cancelling", "cancelled")


@pytest.mark.parametrize(
    ("agent_id", "code"),
    [("asst_fail_run_rate_limit", "rate_limit_exceeded"), ("asst_fail_run_server_error", "server_error")],
)
def test_a_failed_run_still_ends_with_done(agents_client: AgentsClient, agent_id: str, code: str) -> None:
    recorder = Recorder()
    with agents_client.runs.stream(
        thread_id=thread_with(agents_client, "Hello"), agent_id=agent_id, event_handler=recorder
    ) as stream:
        stream.until_done()
    assert recorder.runs[-1].status == "failed"
    assert recorder.runs[-1].last_error.code == code
    assert recorder.done


def test_an_answer_cut_short_is_incomplete(agents_client: AgentsClient) -> None:
    recorder = Recorder()
    with agents_client.runs.stream(
        thread_id=thread_with(agents_client, "Hello"), agent_id="asst_fail_length", event_handler=recorder
    ) as stream:
        stream.until_done()
    assert recorder.text
    assert recorder.runs[-1].status == "incomplete"
    assert recorder.runs[-1].incomplete_details.reason == "max_completion_tokens"


def test_citations_are_offsets_in_code_points(agents_client: AgentsClient) -> None:
    thread_id = thread_with(agents_client, "Tell me about circles")
    with agents_client.runs.stream(thread_id=thread_id, agent_id="asst_cites") as stream:
        stream.until_done()
    answer = agents_client.messages.get_last_message_text_by_role(thread_id, MessageRole.AGENT).text
    assert "π" in answer.value
    [url_citation] = [annotation for annotation in answer.annotations if annotation.type == "url_citation"]
    assert answer.value[url_citation.start_index : url_citation.end_index] == url_citation.text
    assert url_citation.url_citation.url.startswith("https://")


def test_an_unknown_event_is_tolerated(agents_client: AgentsClient) -> None:
    recorder = Recorder()
    with agents_client.runs.stream(
        thread_id=thread_with(agents_client, "Hello"), agent_id="asst_unknown_events", event_handler=recorder
    ) as stream:
        stream.until_done()
    assert recorder.text
    assert recorder.runs[-1].status == "completed"
