"""azure-ai-projects with openai: responses of new agents."""

import json
from typing import Any

import pytest
from azure.ai.projects import AIProjectClient
from openai import BadRequestError, NotFoundError, OpenAI

WEATHER_TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
        "additionalProperties": False,
    },
    "strict": True,
}


def agent(name: str, version: str | None = None) -> dict[str, Any]:
    """The body that names an agent, which is no parameter of the SDK."""
    reference = {"type": "agent_reference", "name": name}
    if version is not None:
        reference["version"] = version
    return {"agent_reference": reference}


def test_a_response_names_its_agent(openai_client: OpenAI) -> None:
    response = openai_client.responses.create(input="repeat exactly: Größe 🙂", extra_body=agent("assistant"))
    assert response.output_text == "Größe 🙂"
    assert response.status == "completed"
    assert response.id.startswith("resp_")
    assert response.model_extra["agent_reference"] == {
        "type": "agent_reference",
        "name": "assistant",
        "version": "1",
    }
    usage = response.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens > 0


def test_the_version_can_be_named(openai_client: OpenAI) -> None:
    response = openai_client.responses.create(input="ping", extra_body=agent("echo", version="1"))
    assert response.output_text == "ping"
    with pytest.raises(NotFoundError):
        openai_client.responses.create(input="ping", extra_body=agent("echo", version="99"))


def test_the_events_of_a_text_answer(openai_client: OpenAI) -> None:
    with openai_client.responses.create(
        input="repeat exactly: one two three four", stream=True, extra_body=agent("assistant")
    ) as stream:
        events = list(stream)

    names = [event.type for event in events]
    deltas = names.count("response.output_text.delta")
    assert deltas > 1
    assert names == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * deltas,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == "one two three four"
    assert events[-1].response.output_text == text
    assert events[-1].response.usage.total_tokens > 0
    assert events[0].response.usage is None


def test_the_streaming_helper_collects_the_same_answer(openai_client: OpenAI) -> None:
    with openai_client.responses.stream(
        input="repeat exactly: one two", model="", extra_body=agent("assistant")
    ) as stream:
        final = stream.get_final_response()
    assert final.output_text == "one two"


def test_a_previous_response_is_continued(openai_client: OpenAI) -> None:
    first = openai_client.responses.create(input="My name is Ada.", extra_body=agent("assistant"))
    second = openai_client.responses.create(
        input="What is my name?", previous_response_id=first.id, extra_body=agent("assistant")
    )
    assert "Ada" in second.output_text
    assert second.previous_response_id == first.id
    branch = openai_client.responses.create(
        input="repeat exactly: another branch", previous_response_id=first.id, extra_body=agent("assistant")
    )
    assert branch.output_text == "another branch"


def test_an_unknown_previous_response_is_refused(openai_client: OpenAI) -> None:
    with pytest.raises((BadRequestError, NotFoundError)) as refused:
        openai_client.responses.create(
            input="Hello", previous_response_id="resp_missing", extra_body=agent("assistant")
        )
    assert "resp_missing" in refused.value.message


def test_a_history_of_items_is_read(openai_client: OpenAI) -> None:
    response = openai_client.responses.create(
        input=[
            {"type": "message", "role": "developer", "content": "Be brief."},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "My name is Ada."}]},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Good day.", "annotations": []}],
            },
            {"type": "message", "role": "user", "content": "What is my name?"},
        ],
        store=False,
        extra_body=agent("assistant"),
    )
    assert "Ada" in response.output_text
    assert response.store is False


@pytest.mark.parametrize(
    "item",
    [
        {"role": "user", "content": "no type"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "no annotations"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "input_text", "text": "wrong type"}]},
    ],
    ids=["type", "annotations", "output_text"],
)
def test_items_are_checked_strictly(openai_client: OpenAI, item: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        openai_client.responses.create(
            input=[item, {"type": "message", "role": "user", "content": "Hello"}], extra_body=agent("assistant")
        )


def test_a_response_is_stored_unless_told_otherwise(openai_client: OpenAI) -> None:
    stored = openai_client.responses.create(input="ping", extra_body=agent("echo"))
    assert openai_client.responses.retrieve(stored.id).output_text == "ping"
    openai_client.responses.delete(stored.id)
    with pytest.raises(NotFoundError):
        openai_client.responses.retrieve(stored.id)

    forgotten = openai_client.responses.create(input="ping", store=False, extra_body=agent("echo"))
    with pytest.raises(NotFoundError):
        openai_client.responses.retrieve(forgotten.id)


def test_the_agents_own_function_is_called(openai_client: OpenAI) -> None:
    first = openai_client.responses.create(input="What is the weather in Paris?", extra_body=agent("weather"))
    assert first.status == "completed"
    [call] = [item for item in first.output if item.type == "function_call"]
    assert call.name == "get_weather"
    assert json.loads(call.arguments) == {"location": "Paris"}

    second = openai_client.responses.create(
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}],
        previous_response_id=first.id,
        extra_body=agent("weather"),
    )
    assert "21 degrees" in second.output_text


def test_the_arguments_of_a_call_are_streamed(openai_client: OpenAI) -> None:
    with openai_client.responses.create(
        input="What is the weather in Paris?", stream=True, extra_body=agent("weather")
    ) as stream:
        events = list(stream)
    deltas = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    [done] = [event for event in events if event.type == "response.function_call_arguments.done"]
    assert "".join(deltas) == done.arguments
    assert json.loads(done.arguments) == {"location": "Paris"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", [WEATHER_TOOL]),
        ("tool_choice", "auto"),
        ("parallel_tool_calls", True),
        ("temperature", 0.5),
        ("top_p", 0.5),
        ("instructions", "Be brief."),
        ("text", {"format": {"type": "json_object"}}),
        ("reasoning", {"effort": "low"}),
    ],
)
def test_what_the_agent_owns_is_refused(openai_client: OpenAI, field: str, value: Any) -> None:
    with pytest.raises(BadRequestError) as refused:
        openai_client.responses.create(input="Hello", extra_body={**agent("assistant"), field: value})
    assert refused.value.code == "invalid_payload"
    # The service names the field in the error itself, or in the first of its details.
    error = refused.value.body
    named = error if error["param"] else error["details"][0]
    assert (named["param"], named["message"]) == (field, "Not allowed when agent is specified.")


def test_the_model_itself_takes_every_option(openai_client: OpenAI) -> None:
    response = openai_client.responses.create(
        model="gpt-4o-mini",
        instructions="Be brief.",
        input="What is the weather in Paris?",
        tools=[WEATHER_TOOL],
        tool_choice="required",
        temperature=0.5,
    )
    assert [item.type for item in response.output] == ["function_call"]
    assert "agent_reference" not in (response.model_extra or {})


def test_a_schema_gets_an_instance(openai_client: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "size": {"type": "string", "enum": ["small", "large"]}},
        "required": ["city", "size"],
        "additionalProperties": False,
    }
    response = openai_client.responses.create(
        model="gpt-4o-mini",
        input="Describe Paris",
        text={"format": {"type": "json_schema", "name": "city", "schema": schema, "strict": True}},
    )
    answer = json.loads(response.output_text)
    assert set(answer) == {"city", "size"}
    assert isinstance(answer["city"], str)
    assert answer["size"] in ("small", "large")


def test_a_limit_cuts_the_answer(openai_client: OpenAI) -> None:
    response = openai_client.responses.create(
        input="repeat exactly: one two three four five six", max_output_tokens=2, extra_body=agent("assistant")
    )
    assert response.status == "incomplete"
    assert response.incomplete_details.reason == "max_output_tokens"
    assert "one two three four five six".startswith(response.output_text)


def test_citations_come_with_the_text(openai_client: OpenAI) -> None:
    response = openai_client.responses.create(input="Tell me about circles", extra_body=agent("cites"))
    [message] = [item for item in response.output if item.type == "message"]
    text = message.content[0]
    assert "π" in text.text
    assert {annotation.type for annotation in text.annotations} == {"url_citation", "file_citation"}
    [citation] = [annotation for annotation in text.annotations if annotation.type == "url_citation"]
    assert 0 < citation.start_index < citation.end_index <= len(text.text), "offsets count code points"


def test_reasoning_is_counted(openai_client: OpenAI) -> None:
    response = openai_client.responses.create(input="Hello", extra_body=agent("reasons"))
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert response.usage.output_tokens_details.reasoning_tokens > 0


def test_an_approval_is_asked_for_and_given(openai_client: OpenAI) -> None:
    first = openai_client.responses.create(input="Hello", extra_body=agent("approval"))
    [request] = [item for item in first.output if item.type == "mcp_approval_request"]
    second = openai_client.responses.create(
        input=[{"type": "mcp_approval_response", "approval_request_id": request.id, "approve": True}],
        previous_response_id=first.id,
        extra_body=agent("approval"),
    )
    assert second.output_text


def test_an_unknown_agent_is_not_found(openai_client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as missing:
        openai_client.responses.create(input="Hello", extra_body=agent("missing"))
    assert "missing" in missing.value.message


def test_the_content_filter_refuses(openai_client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as refused:
        openai_client.responses.create(input="Hello", extra_body=agent("fail-content-filter"))
    assert refused.value.code == "content_filter"
    assert refused.value.body["innererror"]["code"] == "ResponsibleAIPolicyViolation"


def test_a_failed_response_tells_why(openai_client: OpenAI) -> None:
    response = openai_client.responses.create(input="Hello", extra_body=agent("fail-run-rate-limit"))
    assert response.status == "failed"
    assert response.error.code == "rate_limit_exceeded"


def test_a_stream_can_break_with_an_error_event(openai_client: OpenAI) -> None:
    """The client hands such an event on like any other, so an application must look for it."""
    with openai_client.responses.create(
        input="Hello", stream=True, extra_body=agent("fail-error-event-middle")
    ) as stream:
        events = list(stream)
    assert "response.output_text.delta" in [event.type for event in events]
    assert events[-1].type == "error"
    assert events[-1].code
    assert events[-1].message


def test_the_agents_own_endpoint_needs_no_reference(project_client: AIProjectClient) -> None:
    with project_client.get_openai_client(agent_name="assistant") as client:
        conversation = client.conversations.create()
        client.responses.create(input="My name is Ada.", conversation=conversation.id)
        response = client.responses.create(input="What is my name?", conversation=conversation.id)
        assert "Ada" in response.output_text
        with client.responses.create(input="repeat exactly: one two", stream=True) as stream:
            *_, last = stream
        assert last.response.output_text == "one two"
        raw = client.responses.with_raw_response.create(input="ping")
        assert raw.headers["x-agent-version-resolved"] == "1"


def test_a_hosted_agent_keeps_its_session(project_client: AIProjectClient) -> None:
    with project_client.get_openai_client(agent_name="hosted") as client:
        first = client.responses.with_raw_response.create(input="My name is Ada.")
        session = first.headers["x-agent-session-id"]
        response = first.parse()
        assert response.id.startswith("caresp_")
        second = client.responses.with_raw_response.create(
            input="What is my name?", previous_response_id=response.id, extra_body={"agent_session_id": session}
        )
        assert second.headers["x-agent-session-id"] == session
        assert "Ada" in second.parse().output_text
        other = client.responses.with_raw_response.create(input="ping")
        assert other.headers["x-agent-session-id"] != session
        with pytest.raises(NotFoundError):
            client.responses.create(input="ping", extra_body={"agent_session_id": "unknown"})


def test_a_workflow_answers_with_actions_and_whole_messages(project_client: AIProjectClient) -> None:
    features = {"Foundry-Features": "WorkflowAgents=V1Preview"}
    with project_client.get_openai_client() as client:
        with pytest.raises(BadRequestError):
            client.responses.create(input="tea", extra_body=agent("workflow"))
        with client.responses.create(
            input="tea", stream=True, extra_body=agent("workflow"), extra_headers=features
        ) as stream:
            events = list(stream)
    assert not [event for event in events if event.type == "response.output_text.delta"]
    response = events[-1].response
    assert response.id.startswith("wfresp_")
    assert (response.model, response.usage) == ("", None)
    assert [item.type for item in response.output] == ["workflow_action", "message", "workflow_action", "message"]
    assert response.output_text == "The first step is done.All is done for: tea"
