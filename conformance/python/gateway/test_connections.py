"""Kept-alive connections: a client, and the Functions host, send the next request on the one they have."""

import http.client
import json
import select
from urllib.parse import urlsplit

import pytest

from support.gateways import API_KEY, Gateway

BODY = json.dumps({"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}).encode()


@pytest.mark.parametrize("gateway", ["direct"], indirect=True)
@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/v1/chat/completions", "conformance-suite-wrong-key", 401),
        ("/v1/embeddings", API_KEY, 404),
        ("/v1/models", API_KEY, 405),
    ],
)
def test_an_answer_before_the_body_leaves_a_connection_that_can_be_used(
    gateway: Gateway, path: str, key: str, status: int
) -> None:
    """A connection that the gateway is about to close must say so, or the next request on it is lost."""
    connection = http.client.HTTPConnection(urlsplit(gateway.url).netloc, timeout=10)
    connection.putrequest("POST", path)
    connection.putheader("authorization", f"Bearer {key}")
    connection.putheader("content-type", "application/json")
    connection.putheader("content-length", str(len(BODY)))
    connection.endheaders()
    # The gateway may answer at once or wait for the body; the body comes either way, as from any client.
    answered_early, _, _ = select.select([connection.sock], [], [], 0.2)
    if not answered_early:
        connection.send(BODY)
    response = connection.getresponse()
    assert response.status == status
    assert json.loads(response.read())["error"]["message"]
    if not response.will_close:
        if answered_early:
            connection.send(BODY)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
    connection.close()
