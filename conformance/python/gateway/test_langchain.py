"""LangChain's `ChatOpenAI`, unmodified: it turns messages into its own objects and back before it resends them."""

from collections.abc import Callable

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_openai import ChatOpenAI

from support.conversations import KINDS, Messages, hold_five_turns
from support.emulators import Emulator
from support.gateways import API_KEY, Gateway


def invoke(chat: ChatOpenAI, history: list[BaseMessage]) -> BaseMessage:
    return chat.invoke(history)


def stream(chat: ChatOpenAI, history: list[BaseMessage]) -> BaseMessage:
    first, *others = chat.stream(history)
    # Chunks are added up, as LangChain's own chains do.
    return sum(others, start=first)


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize("answer", [invoke, stream])
def test_five_turns(
    gateway: Gateway,
    journal: Emulator,
    model: str,
    answer: Callable[[ChatOpenAI, list[BaseMessage]], BaseMessage],
) -> None:
    chat = ChatOpenAI(base_url=gateway.base_url, api_key=API_KEY, model=model, max_retries=0, timeout=30)
    # An application keeps the message objects that it was given, with all that LangChain noted in them.
    given: dict[str, BaseMessage] = {}

    def say(messages: Messages) -> str:
        history = [
            HumanMessage(message["content"])
            if message["role"] == "user"
            else given.get(message["content"], AIMessage(message["content"]))
            for message in messages
        ]
        message = answer(chat, history)
        assert isinstance(message.content, str)
        given[message.content] = message
        return message.content

    hold_five_turns(journal, model, say)
