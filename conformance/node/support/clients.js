// The clients of the emulator suite, made as an application makes them.
//
// `run.js` has started the emulator, named its project in CONFORMANCE_PROJECT_ENDPOINT and its CA in
// NODE_EXTRA_CA_CERTS, which Node.js reads when it starts.

import assert from "node:assert/strict";

import { AgentsClient } from "@azure/ai-agents";
import { AIProjectClient } from "@azure/ai-projects";

import { ACCESS_TOKEN } from "./emulator.js";

const FOUNDRY_SCOPE = "https://ai.azure.com/.default";

export const projectEndpoint = process.env.CONFORMANCE_PROJECT_ENDPOINT;

/** A `TokenCredential` that hands out one token, and only for the audience of Foundry agents. */
export function staticCredential(token = ACCESS_TOKEN) {
  return {
    async getToken(scopes) {
      assert.deepEqual([scopes].flat(), [FOUNDRY_SCOPE], "asked for a token of another audience");
      return { token, expiresOnTimestamp: Date.now() + 3_600_000 };
    },
  };
}

/** @azure/ai-agents: the classic API. */
export function agentsClient(token) {
  return new AgentsClient(projectEndpoint, staticCredential(token));
}

/** @azure/ai-projects: new agents, and the way to an OpenAI client. */
export function projectClient(token) {
  return new AIProjectClient(projectEndpoint, staticCredential(token));
}

/** Everything an async iterable gives. */
export async function collect(iterable) {
  const items = [];
  for await (const item of iterable) {
    items.push(item);
  }
  return items;
}
