// Answers in one piece, model lists, and what a request may carry.

import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI, { AuthenticationError, BadRequestError, NotFoundError } from "openai";

import { ask, throughEveryFront } from "../support/openai.js";

throughEveryFront("answers", (client, url) => {
  for (const model of ["assistant", "assistant:1", "asst_assistant", "team/helper"]) {
    test(`an answer of ${model} is what a client expects`, async () => {
      const completion = await client.chat.completions.create({ model, messages: ask("repeat exactly: Größe 🙂") });
      assert.equal(completion.object, "chat.completion");
      assert.equal(completion.model, model);
      assert.ok(Number.isInteger(completion.created));
      const [choice] = completion.choices;
      assert.equal(choice.finish_reason, "stop");
      assert.equal(choice.message.role, "assistant");
      assert.equal(choice.message.content, "Größe 🙂");
      assert.equal(choice.message.refusal, null);
      const { usage } = completion;
      assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
      assert.ok(completion._request_id);
    });
  }

  for (const model of ["assistant", "asst_assistant"]) {
    test(`the history is understood by ${model}`, async () => {
      const messages = [{ role: "developer", content: "Be brief." }, ...ask("My name is Ada.")];
      const first = await client.chat.completions.create({ model, messages });
      messages.push(first.choices[0].message, ...ask([{ type: "text", text: "What is my name?" }]));
      const second = await client.chat.completions.create({ model, messages });
      assert.match(second.choices[0].message.content, /Ada/);
    });

    test(`stop sequences are refused by name for ${model}`, async () => {
      await assert.rejects(client.chat.completions.create({ model, messages: ask("Hello"), stop: ["."] }), (error) => {
        assert.ok(error instanceof BadRequestError);
        assert.equal(error.param, "stop");
        return true;
      });
    });
  }

  test("a dropped hint is reported in a header", async () => {
    const { data, response } = await client.chat.completions
      .create({ model: "assistant", messages: ask("Hello"), temperature: 0.1 })
      .withResponse();
    assert.equal(data.choices[0].finish_reason, "stop");
    assert.equal(response.headers.get("x-ignored-params"), "temperature");
  });

  test("agents and aliases are models", async () => {
    const identifiers = [];
    for await (const model of client.models.list()) {
      identifiers.push(model.id);
    }
    for (const expected of ["assistant", "asst_assistant", "team/helper"]) {
      assert.ok(identifiers.includes(expected), expected);
    }
    assert.equal((await client.models.retrieve("team/helper")).id, "team/helper");
    await assert.rejects(client.models.retrieve("missing"), NotFoundError);
  });

  test("a wrong key is refused", async () => {
    const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "conformance-suite-wrong-key", maxRetries: 0 });
    await assert.rejects(stranger.models.list(), AuthenticationError);
  });
});
