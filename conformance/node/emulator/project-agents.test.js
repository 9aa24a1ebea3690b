// @azure/ai-projects: new agents and their versions.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { collect, projectClient } from "../support/clients.js";

const client = projectClient();

test("versions are created, read, listed and deleted", async () => {
  const name = `agent-${randomUUID().slice(0, 12)}`;
  const first = await client.agents.createVersion(
    name,
    { kind: "prompt", model: "gpt-4o-mini", instructions: "Be patient." },
    { metadata: { team: "school" } },
  );
  assert.equal(first.id, `${name}:1`);
  assert.deepEqual(first.metadata, { team: "school" });
  const second = await client.agents.createVersion(name, {
    kind: "prompt",
    model: "gpt-4o-mini",
    instructions: "Be very patient.",
    tools: [{ type: "function", name: "get_weather", parameters: { type: "object" }, strict: false }],
  });
  assert.equal(second.version, "2");

  const agent = await client.agents.get(name);
  assert.equal(agent.versions.latest.version, "2");
  assert.equal(agent.versions.latest.definition.tools[0].name, "get_weather");
  assert.equal((await client.agents.getVersion(name, "1")).definition.instructions, "Be patient.");
  const versions = await collect(client.agents.listVersions(name));
  assert.deepEqual(versions.map((version) => version.version), ["2", "1"]);

  await client.agents.deleteVersion(name, "1");
  await assert.rejects(client.agents.getVersion(name, "1"), { statusCode: 404 });
  assert.equal((await client.agents.delete(name)).deleted, true);
  await assert.rejects(client.agents.get(name), { statusCode: 404 });
});

test("an agent is created and updated by name", async () => {
  const name = `agent-${randomUUID().slice(0, 12)}`;
  const created = await client.agents.create(name, {
    kind: "prompt",
    model: "gpt-4o-mini",
    instructions: "Be patient.",
  });
  assert.equal(created.name, name);
  assert.equal(created.versions.latest.version, "1");
  const updated = await client.agents.update(name, {
    kind: "prompt",
    model: "gpt-4o-mini",
    instructions: "Be very patient.",
  });
  assert.equal(updated.versions.latest.version, "2");
  assert.equal(updated.versions.latest.definition.instructions, "Be very patient.");
  await client.agents.delete(name);
});

test("agents are listed", async () => {
  const names = (await collect(client.agents.list({ limit: 100, order: "asc" }))).map((agent) => agent.name);
  assert.equal(new Set(names).size, names.length);
  for (const builtIn of ["assistant", "echo", "weather"]) {
    assert.ok(names.includes(builtIn), builtIn);
  }
});

test("the missing permission is named", async () => {
  await assert.rejects(projectClient("no-permission").agents.get("assistant"), (error) => {
    assert.equal(error.statusCode, 401);
    assert.equal(error.code, "PermissionDenied");
    return true;
  });
});
