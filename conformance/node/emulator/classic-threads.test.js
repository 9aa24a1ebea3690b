// @azure/ai-agents: threads, their messages, and files.

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";

import { agentsClient, collect } from "../support/clients.js";

const client = agentsClient();

test("a thread is created, read, updated and deleted", async () => {
  const thread = await client.threads.create({ metadata: { subject: "history" } });
  assert.match(thread.id, /^thread_/);
  assert.deepEqual((await client.threads.get(thread.id)).metadata, { subject: "history" });
  const updated = await client.threads.update(thread.id, { metadata: { subject: "art" } });
  assert.deepEqual(updated.metadata, { subject: "art" });
  const listed = await collect(client.threads.list({ limit: 100 }));
  assert.ok(listed.some((other) => other.id === thread.id));
  assert.equal((await client.threads.delete(thread.id)).deleted, true);
  await assert.rejects(client.threads.get(thread.id), { statusCode: 404 });
});

test("messages are created, read, updated and listed", async () => {
  const thread = await client.threads.create({ messages: [{ role: "user", content: "first" }] });
  const second = await client.messages.create(thread.id, "user", "second: 你好, größer, 🙂");
  assert.match(second.id, /^msg_/);
  const ascending = await collect(client.messages.list(thread.id, { order: "asc" }));
  assert.deepEqual(
    ascending.map((message) => message.content[0].text.value),
    ["first", "second: 你好, größer, 🙂"],
  );
  const page = await collect(client.messages.list(thread.id, { order: "asc", after: ascending[0].id }));
  assert.deepEqual(page.map((message) => message.id), [second.id]);

  const updated = await client.messages.update(thread.id, second.id, { metadata: { seen: "yes" } });
  assert.deepEqual(updated.metadata, { seen: "yes" });
  assert.deepEqual((await client.messages.get(thread.id, second.id)).metadata, { seen: "yes" });
});

test("a message holds text and images", async () => {
  const thread = await client.threads.create();
  const created = await client.messages.create(thread.id, "user", [
    { type: "text", text: "What is this?" },
    { type: "image_url", imageUrl: { url: "https://example.com/cat.png", detail: "low" } },
  ]);
  const { content } = await client.messages.get(thread.id, created.id);
  assert.deepEqual(content.map((part) => part.type), ["text", "image_url"]);
});

test("a message has only two roles", async () => {
  const thread = await client.threads.create();
  await assert.rejects(client.messages.create(thread.id, "system", "Be brief."), { statusCode: 400 });
});

test("a file is uploaded, listed and deleted", async () => {
  const content = Buffer.from("größer\n".repeat(3));
  const uploaded = await client.files.upload(Readable.from([content]), "assistants", { fileName: "notes.txt" });
  assert.equal(uploaded.filename, "notes.txt");
  assert.equal(uploaded.bytes, content.length);
  const { data } = await client.files.list();
  assert.ok(data.some((file) => file.id === uploaded.id));
  await client.files.delete(uploaded.id);
  await assert.rejects(client.files.get(uploaded.id), { statusCode: 404 });
});
