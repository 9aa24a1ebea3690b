"""Agent frameworks, unmodified, that run the client's functions themselves: LangChain's agent and the OpenAI Agents SDK."""

import asyncio
from collections.abc import Callable

import pytest
from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, RunConfig, Runner, function_tool
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI

from support import tool_loops
from support.emulators import Emulator
from support.gateways import API_KEY, Gateway
from support.tool_loops import ANSWER, KINDS, QUESTION, assert_steps_went_upstream

CALLS = ["Paris", "Rome", "Oslo", "Bergen"]


class Weather:
    """A function that remembers its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, location: str) -> str:
        self.calls.append(location)
        return tool_loops.get_weather(location)


def langchain_agent(gateway: Gateway, model: str, weather: Weather, *, streaming: bool) -> str:
    def get_weather(location: str) -> str:
        """The weather of a place."""
        return weather(location)

    chat = ChatOpenAI(
        base_url=gateway.base_url, api_key=API_KEY, model=model, max_retries=0, timeout=30, streaming=streaming
    )
    ended = create_agent(chat, tools=[get_weather]).invoke({"messages": [("user", QUESTION)]})
    answer = ended["messages"][-1]
    assert isinstance(answer, AIMessage)
    return answer.text


def openai_agents(gateway: Gateway, model: str, weather: Weather, *, streaming: bool) -> str:
    @function_tool
    def get_weather(location: str) -> str:
        """The weather of a place."""
        return weather(location)

    async def run() -> str:
        async with AsyncOpenAI(base_url=gateway.base_url, api_key=API_KEY, max_retries=0, timeout=30) as client:
            agent = Agent(
                name="Weather",
                instructions="Use the function.",
                model=OpenAIChatCompletionsModel(model=model, openai_client=client),
                model_settings=ModelSettings(parallel_tool_calls=True),
                tools=[get_weather],
            )
            config = RunConfig(tracing_disabled=True)
            if not streaming:
                return str((await Runner.run(agent, QUESTION, run_config=config)).final_output)
            running = Runner.run_streamed(agent, QUESTION, run_config=config)
            async for _ in running.stream_events():
                pass
            return str(running.final_output)

    return asyncio.run(run())


@pytest.mark.parametrize("streaming", [False, True], ids=["at-once", "streamed"])
@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize("framework", [langchain_agent, openai_agents])
def test_an_agent_runs_its_functions(
    gateway: Gateway, journal: Emulator, framework: Callable[..., str], model: str, streaming: bool
) -> None:
    weather = Weather()
    assert framework(gateway, model, weather, streaming=streaming) == ANSWER
    # The calls of a step may be run at the same time.
    assert [sorted(weather.calls[:2]), sorted(weather.calls[2:])] == [sorted(CALLS[:2]), sorted(CALLS[2:])]
    turns = [entry for entry in journal.journal() if entry["operation"] != "create_thread"]
    assert len([entry for entry in turns if not entry["operation"].startswith(("get_", "delete_"))]) == 3
    if framework is langchain_agent:
        # Without system text a classic agent takes no call of its own for the thread.
        assert_steps_went_upstream(journal, model, 3)
