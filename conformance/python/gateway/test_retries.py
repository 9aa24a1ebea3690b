"""The client's own retries: when it tries again, after which wait, and when it must not."""

import time
from collections.abc import Iterator

import httpx2
import pytest
from openai import APIStatusError, OpenAI, RateLimitError

from support.emulators import Emulator
from support.gateways import API_KEY, Gateway

HELLO: list = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def attempts() -> list[float]:
    """When the client sent a request, on the monotonic clock."""
    return []


@pytest.fixture
def retrying_client(gateway: Gateway, attempts: list[float]) -> Iterator[OpenAI]:
    def note(_request: httpx2.Request) -> None:
        attempts.append(time.monotonic())

    with OpenAI(
        base_url=gateway.base_url,
        api_key=API_KEY,
        max_retries=1,
        timeout=30,
        http_client=httpx2.Client(event_hooks={"request": [note]}),
    ) as client:
        yield client


def test_a_rate_limit_is_retried_after_the_wait_it_names(retrying_client: OpenAI, attempts: list[float]) -> None:
    with pytest.raises(RateLimitError):
        retrying_client.chat.completions.create(model="fail-rate-limit-ms", messages=HELLO)
    assert len(attempts) == 2
    assert attempts[1] - attempts[0] >= 1.5


def test_an_agent_that_may_have_run_is_not_run_again(retrying_client: OpenAI, attempts: list[float]) -> None:
    for model in ["fail-cut", "asst_fail_cut", "fail-error-event-middle", "asst_fail_error_event_middle"]:
        attempts.clear()
        with pytest.raises(APIStatusError) as failed:
            retrying_client.chat.completions.create(model=model, messages=HELLO)
        assert failed.value.status_code >= 500
        assert len(attempts) == 1, model


def test_a_passing_failure_of_the_service_is_not_seen_by_the_client(
    client: OpenAI, journal: Emulator, gateway: Gateway
) -> None:
    """The gateway tries again by itself where nothing was answered yet."""
    journal.set_behaviour(
        faults=[{"operation": "create_response", "stage": "headers", "fault": {"status": {"status": 503}}, "times": 1}]
    )
    try:
        completion = client.chat.completions.create(model="assistant", messages=HELLO)
    finally:
        journal.reset_behaviour()
    assert completion.choices[0].finish_reason == "stop"
    assert journal.operations().count("create_response") == 2
