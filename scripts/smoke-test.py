#!/usr/bin/env python3
"""Asks a deployed gateway what a client will ask of it, and says what is wrong with the answers.

    GATEWAY_KEY=<a caller's key> scripts/smoke-test.py https://<app>.azurewebsites.net --model <an agent>

The key comes from the environment, because every user of a machine can read command lines.
Nothing but Python 3.9 or newer is needed. Exit code: 0 all is well, 1 something failed, 2 wrong usage.
"""

import argparse
import http.client
import json
import os
import secrets
import sys
import time
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 235  # Azure's front end gives up after 230 s of silence.


class Failure(Exception):
    """A check that did not pass, in words that say what to do."""


class Gateway:
    def __init__(self, url, key):
        self.url = urlsplit(url)
        self.key = key

    def request(self, method, path, body=None, key=None):
        """Sends one request; gives the response with its headers read and its body still to come."""
        secure = self.url.scheme == "https"
        connection_type = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = connection_type(self.url.netloc, timeout=TIMEOUT_SECONDS)
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"}
        text = None if body is None else json.dumps(body)
        try:
            connection.request(method, self.url.path.rstrip("/") + path, text, headers)
            return connection.getresponse()
        except OSError as error:
            raise Failure(f"no answer from {self.url.netloc}: {error}") from error

    def json(self, method, path, body=None):
        response = self.request(method, path, body)
        text = response.read()
        if response.status != 200:
            raise Failure(explain(response, text))
        return json.loads(text)


def explain(response, text):
    """What a status says, with the request's id for the log."""
    request_id = response.headers.get("x-request-id")
    try:
        error = json.loads(text)["error"]
        said = f"{error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        said = "an answer without OpenAI's error shape: the Functions host or something before it answered"
    told = f"status {response.status}, {said}"
    return f"{told} (x-request-id {request_id})" if request_id else told


def check_health(gateway, _):
    response = gateway.request("GET", "/healthz")
    text = response.read()
    if response.status != 200:
        raise Failure(explain(response, text) + "; is the package published, and does the process start?")
    return "the process lives"


def check_readiness(gateway, arguments):
    """The first check that depends on roles, which take minutes to reach everywhere."""
    deadline = time.monotonic() + arguments.wait
    while True:
        response = gateway.request("GET", "/readyz")
        report = response.read().decode(errors="replace")
        if response.status == 200:
            store = json.loads(report)["conversations"]["store"]
            return f"the project answers to the gateway's identity, conversations are kept in {store}"
        if time.monotonic() >= deadline:
            raise Failure(f"status {response.status}: {report}")
        time.sleep(5)


def check_wrong_key(gateway, _):
    response = gateway.request("GET", "/v1/models", key="wrong-" + secrets.token_hex(16))
    text = response.read()
    if response.status == 200:
        raise Failure("a wrong key is served: GATEWAY_ALLOW_ANONYMOUS is on, and nothing checks callers before it")
    if response.status != 401:
        raise Failure(explain(response, text))
    return "a wrong key is refused"


def check_models(gateway, arguments):
    models = [model["id"] for model in gateway.json("GET", "/v1/models")["data"]]
    gateway.json("GET", f"/v1/models/{arguments.model}")
    return f"{len(models)} listed, {arguments.model} is known"


def turn(arguments, text, **more):
    return {"model": arguments.model, "messages": [{"role": "user", "content": text}], **more}


def check_answer(gateway, arguments):
    answer = gateway.json("POST", "/v1/chat/completions", turn(arguments, "Say hello."))
    choice = answer["choices"][0]
    if not choice["message"]["content"]:
        raise Failure(f"the answer has no text, finish_reason is {choice['finish_reason']}")
    return f"{len(choice['message']['content'])} characters, finish_reason {choice['finish_reason']}"


def check_stream(gateway, arguments):
    begin = time.monotonic()
    question = turn(arguments, "Count from one to forty in words.", stream=True)
    response = gateway.request("POST", "/v1/chat/completions", question)
    if response.status != 200:
        raise Failure(explain(response, response.read()))
    if "content-length" in response.headers:
        raise Failure(
            "the stream was collected before it was sent: host.json needs customHandler.enableProxyingHttpRequest, "
            "API Management buffer-response=\"false\", and Static Web Apps cannot stream"
        )
    arrivals, body = [], b""
    while piece := response.read1():
        arrivals.append(time.monotonic() - begin)
        body += piece
    events = [line[len("data: ") :] for line in body.decode().split("\n") if line.startswith("data: ")]
    if not events or events[-1] != "[DONE]":
        last = events[-1] if events else "nothing"
        raise Failure(f"the stream did not end with [DONE] but with {last}")
    if len(arrivals) < 2:
        raise Failure(f"all {len(events)} events came in one piece after {arrivals[0]:.2f} s: something collects them")
    deltas = [choice["delta"] for event in events[:-1] for choice in json.loads(event)["choices"]]
    if not any(delta.get("content") for delta in deltas):
        raise Failure("the stream has no text")
    return f"first byte after {arrivals[0]:.2f} s, {len(events)} events in {len(arrivals)} pieces, whole in {arrivals[-1]:.2f} s"


def check_continuity(gateway, arguments):
    """The second turn shows nothing of the first: only a gateway that remembers can serve it."""
    name = "Ada-" + secrets.token_hex(4)
    first = gateway.json("POST", "/v1/chat/completions", turn(arguments, f"My name is {name}."))
    thread_id = first.get("thread_id")
    if not thread_id:
        raise Failure("the answer has no thread_id: GATEWAY_CONTINUITY is off")
    question = turn(arguments, "What is my name?", thread_id=thread_id)
    second = gateway.json("POST", "/v1/chat/completions", question)
    remembered = name in (second["choices"][0]["message"]["content"] or "")
    return "a conversation goes on by its id alone" + (", and the agent knows the name" if remembered else "")


CHECKS = [
    ("health", check_health),
    ("readiness", check_readiness),
    ("callers", check_wrong_key),
    ("models", check_models),
    ("answer", check_answer),
    ("stream", check_stream),
    ("continuity", check_continuity),
]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], epilog="The environment variable GATEWAY_KEY holds a caller's key."
    )
    parser.add_argument("url", help="where the gateway is, without /v1")
    parser.add_argument("--model", required=True, help="an agent or alias to ask")
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="how long to wait for readiness (0)")
    arguments = parser.parse_args()
    key = os.environ.get("GATEWAY_KEY")
    if not key:
        parser.error("set GATEWAY_KEY to a caller's key")
    if urlsplit(arguments.url).scheme not in ("http", "https"):
        parser.error("the url begins with https://")

    failures = 0
    for name, check in CHECKS:
        try:
            result = "ok    ", check(Gateway(arguments.url, key), arguments)
        except Failure as failure:
            failures += 1
            result = "FAILED", str(failure)
        except (OSError, ValueError, KeyError, IndexError, http.client.HTTPException) as error:
            failures += 1
            result = "FAILED", f"the answer cannot be read: {type(error).__name__}: {error}"
        print(f"{result[0]} {name}: {result[1]}", flush=True)
    print("all checks passed" if failures == 0 else f"{failures} of {len(CHECKS)} checks failed, see docs/troubleshooting.md")
    return 0 if failures == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
