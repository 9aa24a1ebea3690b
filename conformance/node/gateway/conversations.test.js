// Conversations continue: the client resends its history, or an id, and the agent is told only what is new.

import assert from "node:assert/strict";
import { test } from "node:test";

import { NotFoundError } from "openai";

import { holdFiveTurns, turnsAtOnce, unheard } from "../support/conversations.js";
import { ask, throughEveryFront } from "../support/openai.js";

throughEveryFront("conversations", (client) => {
  for (const model of ["assistant", "asst_assistant"]) {
    const complete = (options) => client.chat.completions.create({ model, ...options });

    test(`five turns with ${model}`, async () => {
      await holdFiveTurns(model, async (messages) => (await complete({ messages })).choices[0].message);
    });

    test(`five streamed turns with ${model}`, async () => {
      await holdFiveTurns(model, async (messages) => {
        const runner = client.chat.completions.stream({ model, messages });
        return (await runner.finalChatCompletion()).choices[0].message;
      });
    });

    for (const field of ["thread_id", "conversation", "previous_response_id"]) {
      test(`${field} continues with ${model} without the history`, async () => {
        const first = unheard("My name is Ada.");
        const { thread_id: threadId } = await complete({ messages: ask(first) });
        assert.ok(threadId);
        for (const text of ["one", "two"]) {
          const question = unheard(`What is my name? ${text}`);
          const completion = await complete({ messages: ask(question), [field]: threadId });
          assert.equal(completion.choices[0].message.content, "Your name is Ada.");
          assert.equal(completion.thread_id, threadId);
        }
      });
    }

    test(`the id of ${model} comes in a header and in the first chunk`, async () => {
      const messages = ask(unheard("My name is Ada."));
      const whole = await complete({ messages }).withResponse();
      assert.equal(whole.response.headers.get("x-thread-id"), whole.data.thread_id);
      const { data, response } = await complete({ messages, stream: true }).withResponse();
      const told = [];
      for await (const chunk of data) {
        told.push(chunk.thread_id);
      }
      assert.ok(told[0]);
      assert.equal(told[0], response.headers.get("x-thread-id"));
      assert.ok(told.slice(1).every((id) => id === undefined), "it is told once");
    });

    test(`an unknown id is not found with ${model}`, async () => {
      await assert.rejects(complete({ messages: ask("Hello"), thread_id: "thread_made_up" }), (error) => {
        assert.ok(error instanceof NotFoundError);
        assert.equal(error.code, "conversation_not_found");
        return true;
      });
    });

    test(`one request to ${model} can be stateless`, async () => {
      const stateless = { headers: { "x-gateway-continuity": "off" } };
      const history = ask(unheard("Hello"));
      const { data, response } = await client.chat.completions
        .create({ model, messages: history }, stateless)
        .withResponse();
      assert.equal(response.headers.get("x-thread-id"), null);
      const say = async (messages) => (await complete({ messages })).choices[0].message;
      const { upstream } = await turnsAtOnce(say, [...history, data.choices[0].message], [unheard("Go on.")]);
      assert.equal(upstream[0].head, null, "nothing was kept of the stateless turn");
    });
  }
});
