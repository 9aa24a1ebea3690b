// @azure/ai-agents: runs, polled and streamed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { MessageStreamEvent, RunStreamEvent } from "@azure/ai-agents";

import { agentsClient, collect } from "../support/clients.js";
import { waitFor } from "../support/programs.js";

const client = agentsClient();
const POLLING = { pollingOptions: { intervalInMs: 50 } };

async function threadWith(text) {
  return (await client.threads.create({ messages: [{ role: "user", content: text }] })).id;
}

async function answerOf(threadId) {
  const [newest] = await collect(client.messages.list(threadId, { order: "desc", limit: 1 }));
  assert.equal(newest.role, "assistant");
  return newest.content[0].text.value;
}

async function rested(run) {
  return waitFor(`run ${run.id} to rest`, async () => {
    const current = await client.runs.get(run.threadId, run.id);
    return ["queued", "in_progress", "cancelling"].includes(current.status) ? undefined : current;
  }, 10_000);
}

/** The text of a stream, and the names of its events. */
async function read(stream) {
  const events = await collect(stream);
  const text = events
    .filter((event) => event.event === MessageStreamEvent.ThreadMessageDelta)
    .flatMap((event) => event.data.delta.content)
    .map((part) => part.text?.value ?? "")
    .join("");
  return { events, names: events.map((event) => event.event), text };
}

test("a run is created and polled", async () => {
  const threadId = await threadWith("repeat exactly: Größe 🙂");
  const run = await client.runs.createAndPoll(threadId, "asst_assistant", POLLING);
  assert.equal(run.status, "completed");
  assert.equal(run.usage.totalTokens, run.usage.promptTokens + run.usage.completionTokens);
  assert.equal(await answerOf(threadId), "Größe 🙂");
  const steps = await collect(client.runSteps.list(threadId, run.id));
  assert.deepEqual(steps.map((step) => step.type), ["message_creation"]);
  assert.equal((await client.runSteps.get(threadId, run.id, steps[0].id)).status, "completed");
  assert.deepEqual((await collect(client.runs.list(threadId))).map((listed) => listed.id), [run.id]);
});

test("a thread remembers", async () => {
  const threadId = await threadWith("My name is Ada.");
  await client.runs.createAndPoll(threadId, "asst_assistant", POLLING);
  await client.messages.create(threadId, "user", "What is my name?");
  await client.runs.createAndPoll(threadId, "asst_assistant", POLLING);
  assert.match(await answerOf(threadId), /Ada/);
});

test("thread and run in one call", async () => {
  const run = await client.runs.createThreadAndRun("asst_echo", {
    thread: { messages: [{ role: "user", content: "ping" }] },
  });
  assert.equal((await rested(run)).status, "completed");
  assert.equal(await answerOf(run.threadId), "ping");
});

test("tool outputs are submitted", async () => {
  const threadId = await threadWith("What is the weather in Paris?");
  const run = await rested(await client.runs.create(threadId, "asst_weather"));
  assert.equal(run.status, "requires_action");
  const [call] = run.requiredAction.submitToolOutputs.toolCalls;
  assert.equal(call.function.name, "get_weather");
  assert.deepEqual(JSON.parse(call.function.arguments), { location: "Paris" });
  await client.runs.submitToolOutputs(threadId, run.id, [{ toolCallId: call.id, output: "21 degrees" }]);
  assert.equal((await rested(run)).status, "completed");
  assert.match(await answerOf(threadId), /21 degrees/);
});

test("a waiting run locks its thread until it is cancelled", async () => {
  const threadId = await threadWith("What is the weather in Paris?");
  const run = await rested(await client.runs.create(threadId, "asst_weather"));
  await assert.rejects(client.messages.create(threadId, "user", "Hurry up."), (error) => {
    assert.equal(error.statusCode, 400);
    assert.ok(error.message.includes(run.id), error.message);
    return true;
  });
  await client.runs.cancel(threadId, run.id);
  assert.equal((await rested(run)).status, "cancelled");
  await client.messages.create(threadId, "user", "Never mind.");
});

test("the events of a streamed text answer", async () => {
  const threadId = await threadWith("repeat exactly: one two three four");
  const { names, text, events } = await read(await client.runs.create(threadId, "asst_assistant").stream());
  assert.equal(text, "one two three four");
  assert.deepEqual(names.slice(0, 3), [
    RunStreamEvent.ThreadRunCreated,
    RunStreamEvent.ThreadRunQueued,
    RunStreamEvent.ThreadRunInProgress,
  ]);
  assert.deepEqual(names.slice(-2), [RunStreamEvent.ThreadRunCompleted, "done"]);
  assert.ok(events.at(-2).data.usage.totalTokens > 0);
  assert.ok(names.filter((name) => name === MessageStreamEvent.ThreadMessageDelta).length > 1);
});

test("thread and run in one stream", async () => {
  const { names, text } = await read(
    await client.runs
      .createThreadAndRun("asst_echo", { thread: { messages: [{ role: "user", content: "ping" }] } })
      .stream(),
  );
  assert.equal(names[0], "thread.created");
  assert.equal(text, "ping");
});

test("tool outputs are submitted to a stream", async () => {
  const threadId = await threadWith("What is the weather in Oslo?");
  const asked = await read(await client.runs.create(threadId, "asst_weather").stream());
  assert.deepEqual(asked.names.slice(-2), [RunStreamEvent.ThreadRunRequiresAction, "done"]);
  const run = asked.events.at(-2).data;
  const outputs = run.requiredAction.submitToolOutputs.toolCalls.map((call) => ({
    toolCallId: call.id,
    output: "minus 3 degrees",
  }));
  const answered = await read(await client.runs.submitToolOutputs(threadId, run.id, outputs).stream());
  assert.match(answered.text, /minus 3 degrees/);
  assert.deepEqual(answered.names.slice(-2), [RunStreamEvent.ThreadRunCompleted, "done"]);
});

test("a failed run still ends with done", async () => {
  const threadId = await threadWith("Hello");
  const { names, events } = await read(await client.runs.create(threadId, "asst_fail_run_rate_limit").stream());
  assert.deepEqual(names.slice(-2), [RunStreamEvent.ThreadRunFailed, "done"]);
  assert.equal(events.at(-2).data.lastError.code, "rate_limit_exceeded");
});

test("the missing permission is named", async () => {
  await assert.rejects(agentsClient("no-permission").threads.create(), (error) => {
    assert.equal(error.statusCode, 401);
    assert.equal(error.code, "PermissionDenied");
    return true;
  });
});
