// @azure/ai-projects with openai: responses and conversations of new agents.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BadRequestError, NotFoundError } from "openai";

import { collect, projectClient } from "../support/clients.js";

const client = projectClient().getOpenAIClient();

/** A response of the agent `name`, which is no parameter of the SDK but a member of the body. */
function respond(name, params) {
  return client.responses.create({ ...params, agent_reference: { type: "agent_reference", name } });
}

test("a response names its agent", async () => {
  const response = await respond("assistant", { input: "repeat exactly: Größe 🙂" });
  assert.equal(response.output_text, "Größe 🙂");
  assert.equal(response.status, "completed");
  assert.deepEqual(response.agent_reference, { type: "agent_reference", name: "assistant", version: "1" });
  assert.equal(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens);
});

test("the events of a text answer", async () => {
  const events = await collect(
    await respond("assistant", { input: "repeat exactly: one two three four", stream: true }),
  );
  const deltas = events.filter((event) => event.type === "response.output_text.delta");
  assert.ok(deltas.length > 1);
  assert.deepEqual(
    events.map((event) => event.type),
    [
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      ...deltas.map(() => "response.output_text.delta"),
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ],
  );
  assert.equal(deltas.map((event) => event.delta).join(""), "one two three four");
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, index) => index),
  );
});

test("a previous response is continued", async () => {
  const first = await respond("assistant", { input: "My name is Ada." });
  const second = await respond("assistant", { input: "What is my name?", previous_response_id: first.id });
  assert.match(second.output_text, /Ada/);
});

test("a conversation remembers", async () => {
  const conversation = await client.conversations.create({
    items: [{ type: "message", role: "user", content: "My name is Ada." }],
  });
  await respond("assistant", { conversation: conversation.id });
  const second = await respond("assistant", { input: "What is my name?", conversation: conversation.id });
  assert.match(second.output_text, /Ada/);
  const items = await collect(client.conversations.items.list(conversation.id, { order: "asc", limit: 2 }));
  assert.deepEqual(items.map((item) => item.role), ["user", "assistant", "user", "assistant"]);
  assert.equal((await client.conversations.delete(conversation.id)).deleted, true);
  await assert.rejects(client.conversations.retrieve(conversation.id), NotFoundError);
});

test("a response is stored unless told otherwise", async () => {
  const stored = await respond("echo", { input: "ping" });
  assert.equal((await client.responses.retrieve(stored.id)).output_text, "ping");
  await client.responses.delete(stored.id);
  await assert.rejects(client.responses.retrieve(stored.id), NotFoundError);
  const forgotten = await respond("echo", { input: "ping", store: false });
  await assert.rejects(client.responses.retrieve(forgotten.id), NotFoundError);
});

test("the agent's own function is called", async () => {
  const first = await respond("weather", { input: "What is the weather in Paris?" });
  const [call] = first.output.filter((item) => item.type === "function_call");
  assert.equal(call.name, "get_weather");
  assert.deepEqual(JSON.parse(call.arguments), { location: "Paris" });
  const second = await respond("weather", {
    input: [{ type: "function_call_output", call_id: call.call_id, output: "21 degrees" }],
    previous_response_id: first.id,
  });
  assert.match(second.output_text, /21 degrees/);
});

for (const [field, value] of [
  ["tools", [{ type: "function", name: "f", parameters: {}, strict: false }]],
  ["temperature", 0.5],
  ["instructions", "Be brief."],
]) {
  test(`what the agent owns is refused: ${field}`, async () => {
    await assert.rejects(respond("assistant", { input: "Hello", [field]: value }), (error) => {
      assert.ok(error instanceof BadRequestError);
      assert.equal(error.code, "invalid_payload");
      // The service names the field in the error itself, or in the first of its details.
      assert.equal(error.param ?? error.error.details[0].param, field);
      return true;
    });
  });
}

test("a stream can break with an error event", async () => {
  // The client hands such an event on like any other, so an application must look for it.
  const events = await collect(await respond("fail-error-event-middle", { input: "Hello", stream: true }));
  assert.ok(events.some((event) => event.type === "response.output_text.delta"));
  assert.equal(events.at(-1).type, "error");
  assert.ok(events.at(-1).message);
});

test("the agent's own endpoint needs no reference", async () => {
  const ownClient = projectClient().getOpenAIClient({
    azureConfig: { agentName: "assistant", allowPreview: true },
  });
  const response = await ownClient.responses.create({ input: "repeat exactly: one two" });
  assert.equal(response.output_text, "one two");
});
