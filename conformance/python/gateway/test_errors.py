"""Failures: the client's exception classes, and what they carry."""

import pytest
import requests
from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    OpenAI,
    PermissionDeniedError,
    RateLimitError,
)

from support.emulators import Emulator
from support.gateways import API_KEY, Gateway

HELLO: list = [{"role": "user", "content": "Hello"}]


def failure_of(client: OpenAI, model: str, *, stream: bool = False) -> APIStatusError:
    """The status error that a request for `model` raises before any answer."""
    with pytest.raises(APIStatusError) as raised:
        client.chat.completions.create(model=model, messages=HELLO, stream=stream)
    error = raised.value
    assert error.body is not None, "the body is an error of OpenAI's shape"
    assert {"message", "type", "param", "code"} <= set(error.body)
    assert error.body["message"]
    assert error.body["type"]
    assert error.request_id
    return error


def both_kinds(name: str) -> list[str]:
    return [name, "asst_" + name.replace("-", "_")]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("agent", "error_class", "status", "code"),
    [
        ("fail-rate-limit", RateLimitError, 429, "rate_limit_exceeded"),
        ("fail-rate-limit-bare", RateLimitError, 429, "rate_limit_exceeded"),
        ("fail-permission", PermissionDeniedError, 403, "permission_denied"),
        ("fail-content-filter", BadRequestError, 400, "content_filter"),
        ("fail-server-error", InternalServerError, 502, None),
        ("fail-unavailable", InternalServerError, 503, None),
        ("fail-html", InternalServerError, 502, None),
    ],
)
def test_a_refusal_of_the_service_is_a_status(
    client: OpenAI, agent: str, error_class: type, status: int, code: str | None, stream: bool
) -> None:
    for model in both_kinds(agent):
        error = failure_of(client, model, stream=stream)
        assert isinstance(error, error_class), model
        assert error.status_code == status, model
        if code is not None:
            assert error.code == code, model


@pytest.mark.parametrize(
    ("agent", "error_class", "status"),
    [
        ("fail-run-rate-limit", RateLimitError, 429),
        ("fail-run-server-error", InternalServerError, 502),
        ("fail-error-event", InternalServerError, 502),
        ("fail-error-event-middle", InternalServerError, 502),
        ("fail-cut", InternalServerError, 502),
        ("fail-reset", InternalServerError, 502),
        ("fail-malformed", InternalServerError, 502),
    ],
)
def test_a_failed_run_is_a_status_when_the_answer_is_whole(
    client: OpenAI, agent: str, error_class: type, status: int
) -> None:
    for model in both_kinds(agent):
        error = failure_of(client, model)
        assert isinstance(error, error_class), model
        assert error.status_code == status, model


@pytest.mark.parametrize("model", ["asst_fail_cancelled", "asst_fail_expired"])
def test_a_run_that_someone_ended_is_no_answer(client: OpenAI, model: str) -> None:
    assert failure_of(client, model).status_code >= 500


@pytest.mark.parametrize("model", both_kinds("fail-run-model"))
def test_a_model_that_is_not_deployed_is_not_the_clients_mistake(client: OpenAI, model: str) -> None:
    error = failure_of(client, model)
    assert error.code != "model_not_found", "the agent exists; its model does not"
    assert "model" in error.message


@pytest.mark.parametrize("model", both_kinds("fail-audience"))
def test_a_sign_in_that_foundry_refuses_is_the_gateways_trouble(client: OpenAI, model: str) -> None:
    """A 401 would make the caller doubt a key that is right."""
    error = failure_of(client, model)
    assert error.status_code >= 500


@pytest.mark.parametrize("model", both_kinds("fail-locked"))
def test_a_busy_conversation_is_a_conflict(client: OpenAI, model: str) -> None:
    assert isinstance(failure_of(client, model), ConflictError)


@pytest.mark.parametrize("model", ["approval", "asst_approval", "consent"])
def test_what_chat_completions_cannot_express_is_an_error(client: OpenAI, model: str) -> None:
    error = failure_of(client, model)
    assert 400 <= error.status_code < 500


@pytest.mark.parametrize(
    ("agent", "seconds"),
    [
        ("fail-rate-limit", 7.0),
        ("fail-rate-limit-ms", 1.5),
        ("fail-rate-limit-x-ms", 2.5),
        ("fail-run-rate-limit", 60.0),
    ],
)
def test_the_wait_of_a_rate_limit_is_passed_on(client: OpenAI, agent: str, seconds: float) -> None:
    for model in both_kinds(agent):
        headers = failure_of(client, model).response.headers
        # Clients read the milliseconds first; whole seconds may only be rounded up.
        if "retry-after-ms" in headers:
            assert float(headers["retry-after-ms"]) == seconds * 1000, model
        assert seconds <= float(headers["retry-after"]) < seconds + 1, model


def test_a_rate_limit_without_a_wait_invents_none(client: OpenAI) -> None:
    for model in both_kinds("fail-rate-limit-bare"):
        assert "retry-after" not in failure_of(client, model).response.headers


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", ["missing", "asst_missing", "assistant:99", "no such/agent", ""])
def test_an_unknown_agent_is_not_found(client: OpenAI, model: str, stream: bool) -> None:
    error = failure_of(client, model, stream=stream)
    if model == "":
        assert isinstance(error, BadRequestError | NotFoundError)
        return
    assert isinstance(error, NotFoundError)
    assert error.code == "model_not_found"
    assert error.param == "model"
    assert model in error.message


@pytest.mark.parametrize(
    ("agent", "code"),
    [
        ("fail-error-event-middle", None),
        ("fail-cut", None),
        ("fail-reset", None),
        ("fail-malformed", None),
    ],
)
def test_a_stream_that_breaks_raises(client: OpenAI, gateway: Gateway, agent: str, code: str | None) -> None:
    for model in both_kinds(agent):
        text, reasons = "", []
        with pytest.raises(APIError) as raised:
            with client.chat.completions.create(model=model, messages=HELLO, stream=True) as stream:
                for chunk in stream:
                    text += chunk.choices[0].delta.content or ""
                    reasons.append(chunk.choices[0].finish_reason)
        assert not isinstance(raised.value, APIConnectionError), "the stream ends in order, with an error event"
        assert raised.value.message
        assert raised.value.type
        assert text, f"{model}: what came before the failure is not lost"
        assert set(reasons) == {None}, "no answer pretends to be whole"

        raw = requests.post(
            f"{gateway.base_url}/chat/completions",
            headers={"authorization": f"Bearer {API_KEY}"},
            json={"model": model, "messages": HELLO, "stream": True},
            timeout=30,
        )
        *_, last, end = raw.content.split(b"\n\n")
        assert last.startswith(b'data: {"error"')
        assert end == b""
        assert b"[DONE]" not in raw.content


@pytest.mark.parametrize("agent", ["fail-run-rate-limit", "fail-run-server-error", "fail-error-event"])
def test_a_run_that_fails_early_raises_in_a_stream(client: OpenAI, agent: str) -> None:
    """Whether this is still a status depends on what came first; it is an error either way."""
    for model in both_kinds(agent):
        reasons = []
        with pytest.raises(APIError) as raised:
            for chunk in client.chat.completions.create(model=model, messages=HELLO, stream=True):
                reasons.append(chunk.choices[0].finish_reason)
        assert set(reasons) <= {None}, "no failure ends as an answer"
        if agent == "fail-run-rate-limit":
            assert raised.value.code == "rate_limit_exceeded"


def test_please_fail_in_the_middle(client: OpenAI) -> None:
    for model in ["assistant", "asst_assistant"]:
        with pytest.raises(APIError):
            list(
                client.chat.completions.create(
                    model=model, messages=[{"role": "user", "content": "please fail in the middle"}], stream=True
                )
            )


@pytest.mark.parametrize("model", both_kinds("stall-headers") + both_kinds("stall-created"))
def test_a_client_that_times_out_stops_the_agent(client: OpenAI, journal: Emulator, model: str) -> None:
    with pytest.raises(APITimeoutError):
        client.with_options(timeout=1.0).chat.completions.create(model=model, messages=HELLO)
    if model.startswith("asst_"):
        operation = "create_run" if "create_run" in journal.operations() else "create_thread_and_run"
    else:
        operation = "create_response"
    journal.wait_for_request("the upstream request to be closed", operation=operation, ending="client_closed")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b'{"messages": [{"role": "user", "content": "Hello"}]}', "model"),
        (b'{"model": "assistant"}', "messages"),
        (b'{"model": "assistant", "messages": []}', "messages"),
        (b'{"model": "assistant", "messages": "Hello"}', "messages"),
        (b'{"model": 5, "messages": [{"role": "user", "content": "Hello"}]}', "model"),
        (b'{"model": "assistant", "messages": [{"role": "wizard", "content": "Hello"}]}', "messages"),
        (b'{"model": "assistant", "messages": [{"role": "user", "content": 5}]}', "messages"),
        (b'{"model": "assistant", "messages": [{"role": "user", "content": "Hello"}], "stream": "yes"}', "stream"),
        (b'{"model": "assistant", "messages": [{"role": "user", "content": "\xff"}]}', None),
    ],
)
def test_bad_input_is_the_clients_mistake(gateway: Gateway, body: bytes, param: str | None) -> None:
    response = requests.post(
        f"{gateway.base_url}/chat/completions",
        headers={"authorization": f"Bearer {API_KEY}", "content-type": "application/json"},
        data=body,
        timeout=30,
    )
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    if param is not None:
        assert (error["param"] or "").split("[")[0].split(".")[0] == param


def test_a_body_over_the_limit_is_too_large(client: OpenAI) -> None:
    """Also through the host, which gives an empty 500 of its own when the gateway closes while it still sends."""
    with pytest.raises(APIStatusError) as refused:
        client.chat.completions.create(
            model="assistant", messages=[{"role": "user", "content": "x" * (33 * 1024 * 1024)}]
        )
    assert refused.value.status_code == 413
    assert refused.value.type == "invalid_request_error"
    assert str(32 * 1024 * 1024) in refused.value.message, "the limit is named"
