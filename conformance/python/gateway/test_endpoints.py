"""Everything that is not the OpenAI API."""

import pytest
import requests

from support.gateways import API_KEY, Gateway

KEY = {"authorization": f"Bearer {API_KEY}"}


def test_health_needs_no_key(gateway: Gateway) -> None:
    response = requests.get(f"{gateway.url}/healthz", timeout=30)
    assert response.status_code == 200


def test_readiness_tells_no_secret(gateway: Gateway) -> None:
    response = requests.get(f"{gateway.url}/readyz", timeout=30)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/json")
    assert response.json()
    assert API_KEY not in response.text
    assert "emulator-token" not in response.text


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/chat/completions"), ("DELETE", "/v1/chat/completions"), ("POST", "/v1/models")]
)
def test_another_method_is_not_allowed(gateway: Gateway, method: str, path: str) -> None:
    response = requests.request(method, gateway.url + path, headers=KEY, timeout=30)
    assert response.status_code == 405
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert response.headers["allow"]


def test_an_unknown_path_is_not_found(gateway: Gateway) -> None:
    response = requests.get(f"{gateway.base_url}/embeddings", headers=KEY, timeout=30)
    assert response.status_code == 404
    if gateway.is_direct:
        # The Functions host answers for routes that no function has, with an empty body.
        assert response.json()["error"]["type"] == "invalid_request_error"


def test_the_root_answers_at_once(gateway: Gateway) -> None:
    assert requests.get(f"{gateway.url}/", timeout=30).status_code == 200
