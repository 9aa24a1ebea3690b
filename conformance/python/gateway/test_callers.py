"""Who may call: keys, and how clients present them."""

import pytest
import requests
from openai import AuthenticationError, AzureOpenAI, OpenAI

from support.gateways import API_KEY, Gateway

HELLO: list = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize("key", ["conformance-suite-wrong-key", API_KEY[:-1], API_KEY + "x"])
def test_a_wrong_key_is_refused(gateway: Gateway, key: str) -> None:
    with OpenAI(base_url=gateway.base_url, api_key=key, max_retries=0) as client:
        for call in (
            lambda: client.chat.completions.create(model="assistant", messages=HELLO),
            lambda: client.chat.completions.create(model="assistant", messages=HELLO, stream=True),
            lambda: client.models.list(),
        ):
            with pytest.raises(AuthenticationError) as refused:
                call()
            assert refused.value.status_code == 401
            assert refused.value.code == "invalid_api_key"
            assert key not in refused.value.message, "a key is a secret, even a wrong one"


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": API_KEY}, {"authorization": "Bearer"}, {"authorization": f"Basic {API_KEY}"}],
    ids=["none", "no scheme", "no key", "other scheme"],
)
def test_a_request_without_a_key_is_refused(gateway: Gateway, headers: dict[str, str]) -> None:
    response = requests.get(f"{gateway.base_url}/models", headers=headers, timeout=30)
    assert response.status_code == 401
    assert {"message", "type", "param", "code"} <= set(response.json()["error"])


def test_the_key_may_come_as_api_key(gateway: Gateway) -> None:
    response = requests.get(
        f"{gateway.base_url}/models?api-version=2025-01-01", headers={"api-key": API_KEY}, timeout=30
    )
    assert response.status_code == 200


def test_the_client_for_azure_is_understood(gateway: Gateway) -> None:
    """It sends the key as `api-key` and appends an api-version; with a base URL it adds no deployment to the path."""
    with AzureOpenAI(base_url=gateway.base_url, api_key=API_KEY, api_version="2025-01-01", max_retries=0) as client:
        completion = client.chat.completions.create(
            model="assistant", messages=[{"role": "user", "content": "repeat exactly: ping"}]
        )
    assert completion.choices[0].message.content == "ping"
