"""Who may call: keys, and how clients present them."""

import pytest
import requests
from openai import AuthenticationError, OpenAI

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


@pytest.mark.parametrize("header", ["api-key", "Api-Key"])
def test_the_key_may_come_as_api_key(gateway: Gateway, header: str) -> None:
    """As clients of Azure OpenAI send it, which also append an api-version."""
    response = requests.post(
        f"{gateway.base_url}/chat/completions?api-version=2025-01-01",
        headers={header: API_KEY},
        json={"model": "assistant", "messages": [{"role": "user", "content": "repeat exactly: ping"}]},
        timeout=30,
    )
    assert response.status_code == 200
    assert response.json()["choices"][0]["message"]["content"] == "ping"


def test_a_wrong_api_key_is_refused(gateway: Gateway) -> None:
    response = requests.get(
        f"{gateway.base_url}/models", headers={"api-key": "conformance-suite-wrong-key"}, timeout=30
    )
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "invalid_api_key"
