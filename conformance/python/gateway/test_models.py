"""The model list: aliases and agents of both kinds."""

import asyncio
from collections.abc import Callable

import pytest
from openai import AsyncOpenAI, NotFoundError, OpenAI

from support.gateways import ALIASES


def test_agents_and_aliases_are_models(client: OpenAI) -> None:
    models = client.models.list().data
    identifiers = [model.id for model in models]
    assert len(set(identifiers)) == len(identifiers)
    assert {"assistant", "echo", "asst_assistant", *ALIASES} <= set(identifiers)
    for model in models:
        assert model.object == "model"
        assert isinstance(model.created, int)
        assert model.owned_by


@pytest.mark.parametrize("name", ["assistant", "asst_assistant", "gpt-4o-mini"])
def test_a_model_is_retrieved(client: OpenAI, name: str) -> None:
    model = client.models.retrieve(name)
    assert (model.id, model.object) == (name, "model")


def test_a_name_with_a_slash_is_retrieved(client: OpenAI) -> None:
    """The client escapes the slash, and the Functions host escapes it once more."""
    assert client.models.retrieve("team/helper").id == "team/helper"


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as missing:
        client.models.retrieve("missing")
    assert missing.value.code == "model_not_found"
    assert "missing" in missing.value.message


def test_an_async_client_lists_the_same(client: OpenAI, make_async_client: Callable[[], AsyncOpenAI]) -> None:
    async def identifiers() -> list[str]:
        async with make_async_client() as async_client:
            return [model.id async for model in async_client.models.list()]

    assert asyncio.run(identifiers()) == [model.id for model in client.models.list()]
