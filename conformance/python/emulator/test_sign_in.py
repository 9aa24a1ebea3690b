"""How the emulator refuses a caller, seen through both SDKs."""

import pytest
from azure.ai.agents import AgentsClient
from azure.ai.projects import AIProjectClient
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from openai import AuthenticationError

from support.credentials import StaticCredential
from support.emulators import NO_PERMISSION_TOKEN, WRONG_AUDIENCE_TOKEN, Emulator


def test_the_classic_api_refuses_another_audience(emulator: Emulator) -> None:
    with AgentsClient(emulator.project_endpoint, StaticCredential(WRONG_AUDIENCE_TOKEN)) as client:
        with pytest.raises(ClientAuthenticationError) as refused:
            client.threads.create()
    assert refused.value.status_code == 401
    assert "audience" in refused.value.message.lower()


def test_the_classic_api_names_the_missing_permission(emulator: Emulator) -> None:
    with AgentsClient(emulator.project_endpoint, StaticCredential(NO_PERMISSION_TOKEN)) as client:
        with pytest.raises(ClientAuthenticationError) as refused:
            client.create_agent(model="gpt-4o-mini")
    assert refused.value.status_code == 401
    assert refused.value.error.code == "PermissionDenied"
    assert "Microsoft.CognitiveServices/accounts/AIServices/agents/write" in refused.value.message


def test_the_project_names_the_missing_permission(emulator: Emulator) -> None:
    with AIProjectClient(emulator.project_endpoint, StaticCredential(NO_PERMISSION_TOKEN)) as client:
        with pytest.raises(HttpResponseError) as refused:
            list(client.agents.list())
        assert refused.value.status_code == 401
        with client.get_openai_client(max_retries=0) as openai_client:
            with pytest.raises(AuthenticationError) as refused_again:
                openai_client.responses.create(
                    input="Hello",
                    extra_body={"agent_reference": {"type": "agent_reference", "name": "assistant"}},
                )
    assert refused_again.value.code == "PermissionDenied"
