// Loops of two steps with two parallel calls each: the Vercel AI SDK, streamed and not, and the OpenAI client's runner.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { API_KEY } from "../support/gateways.js";
import { ask, throughEveryFront } from "../support/openai.js";

const QUESTION = "What is the weather in Paris and Rome, then the weather in Oslo and Bergen?";
const ANSWER = "get_weather returned: Oslo is fine\nget_weather returned: Bergen is fine";
const PLACES = ["Paris", "Rome", "Oslo", "Bergen"];

/** The function, and the places it was called for. */
function weather() {
  const calls = [];
  const run = ({ location }) => {
    calls.push(location);
    return `${location} is fine`;
  };
  return { calls, run };
}

/** Options of both functions of the AI SDK. */
function options(url, model, run) {
  const provider = createOpenAICompatible({ name: "gateway", baseURL: `${url}/v1`, apiKey: API_KEY, includeUsage: true });
  return {
    model: provider(model),
    prompt: QUESTION,
    maxRetries: 0,
    stopWhen: stepCountIs(5),
    tools: {
      get_weather: tool({
        description: "The weather of a place.",
        inputSchema: z.object({ location: z.string() }),
        execute: run,
      }),
    },
  };
}

function assertSteps(steps, calls) {
  assert.deepEqual(calls, PLACES);
  assert.deepEqual(
    steps.map((step) => [step.finishReason, step.toolCalls.length, step.toolResults.length]),
    [
      ["tool-calls", 2, 2],
      ["tool-calls", 2, 2],
      ["stop", 0, 0],
    ],
  );
}

throughEveryFront("tool loops", (client, url) => {
  for (const model of ["assistant", "asst_assistant", "weather", "asst_weather"]) {
    test(`generateText of the AI SDK with ${model}`, async () => {
      const { calls, run } = weather();
      const { text, steps } = await generateText(options(url, model, run));
      assertSteps(steps, calls);
      assert.equal(text, ANSWER);
    });

    test(`streamText of the AI SDK with ${model}`, async () => {
      const { calls, run } = weather();
      const result = streamText({
        ...options(url, model, run),
        onError: ({ error }) => {
          throw error;
        },
      });
      let streamed = "";
      for await (const piece of result.textStream) {
        streamed += piece;
      }
      assertSteps(await result.steps, calls);
      assert.equal(streamed, ANSWER);
      assert.ok((await result.totalUsage).totalTokens > 0);
    });

    test(`runTools of the OpenAI client with ${model}`, async () => {
      const { calls, run } = weather();
      const runner = client.chat.completions.runTools({
        model,
        messages: ask(QUESTION),
        stream: true,
        tools: [
          {
            type: "function",
            function: {
              name: "get_weather",
              description: "The weather of a place.",
              parameters: { type: "object", properties: { location: { type: "string" } }, required: ["location"] },
              parse: JSON.parse,
              function: run,
            },
          },
        ],
      });
      assert.equal(await runner.finalContent(), ANSWER);
      assert.deepEqual(calls, PLACES);
    });
  }
});
