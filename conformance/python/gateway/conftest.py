"""The OpenAI client, unmodified, against the gateway in front of the emulator.

Every test runs twice: with the gateway called directly, and through the stand-in of the Azure
Functions host, which is what stands between a client and the gateway in production.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI

from support.emulators import Emulator
from support.gateways import API_KEY, Gateway, start_behind_functions_host, start_directly

STARTS = {"direct": start_directly, "functions-host": start_behind_functions_host}


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("emulator"), https=False)
    yield running
    running.stop()
    assert running.program.stderr() == ""


@pytest.fixture(scope="session", params=list(STARTS))
def gateway(
    request: pytest.FixtureRequest, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    log_directory: Path = tmp_path_factory.mktemp(f"gateway-{request.param}")
    running = STARTS[request.param](emulator, log_directory)
    yield running
    assert running.program.is_running(), "the program ended in the middle of the suite"
    running.program.stop()
    # The host takes every line on stderr for an error, so nothing may be written there when all goes well.
    assert running.program.stderr() == ""


@pytest.fixture
def journal(emulator: Emulator) -> Emulator:
    """The emulator with an empty journal and its normal behaviour."""
    emulator.reset_behaviour()
    emulator.clear_journal()
    return emulator


def strict_options(gateway: Gateway) -> dict[str, Any]:
    """A client that raises on any deviation from OpenAI's schema, and hides no failure by retrying."""
    return {
        "base_url": gateway.base_url,
        "api_key": API_KEY,
        "max_retries": 0,
        "timeout": 30,
        "_strict_response_validation": True,
    }


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(**strict_options(gateway)) as made:
        yield made


@pytest.fixture
def make_async_client(gateway: Gateway) -> Callable[[], AsyncOpenAI]:
    """Makes the async client, which must be made inside the event loop of the test."""
    return lambda: AsyncOpenAI(**strict_options(gateway))
