"""Microsoft's SDKs, unmodified, against the emulator over HTTPS.

The emulator signs its certificate with a CA of its own. The SDKs trust it through the environment,
as they would trust a company's CA: `REQUESTS_CA_BUNDLE` (azure-core, by way of requests) and
`SSL_CERT_FILE` (openai, by way of its HTTP client).
"""

from collections.abc import Iterator

import pytest
from azure.ai.agents import AgentsClient
from azure.ai.projects import AIProjectClient
from openai import OpenAI

from support.credentials import StaticCredential
from support.emulators import Emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    environment = pytest.MonkeyPatch()
    running = Emulator(tmp_path_factory.mktemp("emulator"), https=True)
    environment.setenv("REQUESTS_CA_BUNDLE", str(running.ca_file))
    environment.setenv("SSL_CERT_FILE", str(running.ca_file))
    yield running
    environment.undo()
    running.stop()
    assert running.program.stderr() == ""


@pytest.fixture
def agents_client(emulator: Emulator) -> Iterator[AgentsClient]:
    """azure-ai-agents: the classic API."""
    with AgentsClient(endpoint=emulator.project_endpoint, credential=StaticCredential()) as client:
        yield client


@pytest.fixture
def project_client(emulator: Emulator) -> Iterator[AIProjectClient]:
    """azure-ai-projects: new agents, and the way to an OpenAI client."""
    with AIProjectClient(
        endpoint=emulator.project_endpoint, credential=StaticCredential(), allow_preview=True
    ) as client:
        yield client


@pytest.fixture
def openai_client(project_client: AIProjectClient) -> Iterator[OpenAI]:
    """The project's OpenAI client, which names the agent in each request."""
    with project_client.get_openai_client() as client:
        yield client
