// @azure/ai-agents: assistants, which the SDK calls agents.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { agentsClient, collect } from "../support/clients.js";

const client = agentsClient();

test("an agent is created, read, updated and deleted", async () => {
  const created = await client.createAgent("gpt-4o-mini", {
    name: "tutor",
    description: "Explains things",
    instructions: "Be patient.",
    tools: [
      {
        type: "function",
        function: {
          name: "get_weather",
          description: "Tells the weather",
          parameters: { type: "object", properties: { location: { type: "string" } } },
        },
      },
    ],
    metadata: { team: "school" },
  });
  assert.match(created.id, /^asst_/);
  assert.equal(created.tools[0].function.name, "get_weather");
  assert.deepEqual(await client.getAgent(created.id), created);

  const updated = await client.updateAgent(created.id, { instructions: "Be very patient." });
  assert.equal(updated.instructions, "Be very patient.");
  assert.equal(updated.description, "Explains things", "what an update does not name stays");

  await client.deleteAgent(created.id);
  await assert.rejects(client.getAgent(created.id), { statusCode: 404 });
});

test("agents are listed a page at a time", async () => {
  const marker = randomUUID();
  const created = [];
  for (const n of [0, 1, 2]) {
    created.push((await client.createAgent("gpt-4o-mini", { name: `${marker}-${n}` })).id);
  }
  // This SDK follows no cursor by itself: an application asks for the page after the last agent.
  const listed = [];
  let page;
  do {
    page = await collect(client.listAgents({ limit: 2, order: "asc", after: listed.at(-1) }));
    listed.push(...page.map((agent) => agent.id));
  } while (page.length > 0);
  assert.equal(new Set(listed).size, listed.length, "no agent is listed twice");
  assert.deepEqual(listed.filter((id) => created.includes(id)), created);
  assert.ok(listed.includes("asst_assistant"), "the built-in agents are listed");
  for (const id of created) {
    await client.deleteAgent(id);
  }
});
