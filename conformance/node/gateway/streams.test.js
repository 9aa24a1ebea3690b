// Streamed answers, chunk by chunk and through the client's helper.

import assert from "node:assert/strict";
import { test } from "node:test";

import { APIConnectionError, APIError } from "openai";

import { waitFor } from "../support/programs.js";
import { ask, throughEveryFront } from "../support/openai.js";

/** All chunks of a stream. */
async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  return chunks;
}

function textOf(chunks) {
  return chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
}

throughEveryFront("streams", (client) => {
  for (const model of ["assistant", "asst_assistant"]) {
    test(`a stream of ${model} is what a client expects`, async () => {
      const chunks = await collect(
        await client.chat.completions.create({ model, messages: ask("repeat exactly: one two 🙂"), stream: true }),
      );
      assert.equal(textOf(chunks), "one two 🙂");
      assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
      assert.equal(chunks[0].choices[0].delta.role, "assistant");
      assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
      assert.ok(chunks.every((chunk) => chunk.choices.length === 1), "no usage chunk unless asked for");
    });

    test(`usage of ${model} comes when asked for`, async () => {
      const chunks = await collect(
        await client.chat.completions.create({
          model,
          messages: ask("Hello"),
          stream: true,
          stream_options: { include_usage: true },
        }),
      );
      const last = chunks.at(-1);
      assert.deepEqual(last.choices, []);
      assert.ok(last.usage.total_tokens > 0);
    });

    test(`the streaming helper collects the answer of ${model}`, async () => {
      const runner = client.chat.completions.stream({ model, messages: ask("repeat exactly: one two three") });
      const deltas = [];
      runner.on("content", (delta) => deltas.push(delta));
      const completion = await runner.finalChatCompletion();
      assert.equal(completion.choices[0].message.content, "one two three");
      assert.equal(deltas.join(""), "one two three");
    });
  }

  for (const model of ["fail-error-event-middle", "fail-cut", "fail-reset", "asst_fail_cut"]) {
    test(`a stream that breaks raises: ${model}`, async () => {
      const received = [];
      await assert.rejects(
        async () => {
          const stream = await client.chat.completions.create({ model, messages: ask("Hello"), stream: true });
          for await (const chunk of stream) {
            received.push(chunk);
          }
        },
        (error) => {
          assert.ok(error instanceof APIError);
          assert.ok(!(error instanceof APIConnectionError), "the stream ends in order, with an error event");
          return true;
        },
      );
      assert.ok(textOf(received), "what came before the failure is not lost");
      assert.ok(received.every((chunk) => chunk.choices[0].finish_reason === null));
    });
  }

  test("a client that leaves stops the agent", async () => {
    const journal = `${process.env.CONFORMANCE_EMULATOR_URL}/emulator/journal`;
    const question = `Hello from ${crypto.randomUUID()}`;
    const stream = await client.chat.completions.create({
      model: "stall-middle",
      messages: ask(question),
      stream: true,
    });
    for await (const chunk of stream) {
      if (chunk.choices[0].delta.content) {
        break;
      }
    }
    await waitFor(
      "the upstream request to be closed",
      async () => {
        const requests = await (await fetch(journal)).json();
        return (requests.requests ?? requests).some(
          (request) => JSON.stringify(request.body).includes(question) && request.ending === "client_closed",
        );
      },
      5_000,
    );
  });
});
