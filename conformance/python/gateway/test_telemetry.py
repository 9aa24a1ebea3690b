"""Traces, metrics and log records, sent to a receiver that others wrote."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from support.emulators import Emulator
from support.gateways import API_KEY, Gateway, start_directly
from support.receivers import Rotel


@pytest.fixture(scope="module")
def rotel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotel]:
    running = Rotel(tmp_path_factory.mktemp("rotel"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def traced(rotel: Rotel, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": rotel.endpoint,
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
    }
    running = start_directly(emulator, tmp_path_factory.mktemp("gateway-traced"), settings)
    yield running
    running.program.stop()
    assert running.program.stderr() == ""


def test_rotel_takes_spans_metrics_and_log_records_of_a_turn(rotel: Rotel, traced: Gateway) -> None:
    with OpenAI(base_url=traced.base_url, api_key=API_KEY, max_retries=0, timeout=30) as client:
        stream = client.chat.completions.create(
            model="echo", stream=True, messages=[{"role": "user", "content": "for a receiver"}]
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "for a receiver"
    seen = rotel.wait_for_text(
        "POST /v1/chat/completions",
        "invoke_agent echo",
        "gen_ai.provider.name",
        "microsoft.foundry",
        "gen_ai.usage.input_tokens",
        "gen_ai.client.operation.duration",
        "gen_ai.client.token.usage",
        "gateway.request.overhead",
        "upstream_ms",
    )
    assert "for a receiver" not in seen, "what users say is not sent"
    assert "telemetry could not be delivered" not in traced.program.stdout()
