// The OpenAI client of the gateway suite, once for each way to the gateway.

import { describe } from "node:test";

import OpenAI from "openai";

import { API_KEY } from "./gateways.js";

/**
 * Declares the tests of `declare(client, url)` for the gateway called directly and through the Functions
 * host stand-in. `run.js` has started both. The client hides no failure by retrying.
 */
export function throughEveryFront(title, declare) {
  const gateways = JSON.parse(process.env.CONFORMANCE_GATEWAYS);
  for (const [front, url] of Object.entries(gateways)) {
    describe(`${title} (${front})`, () => {
      declare(new OpenAI({ baseURL: `${url}/v1`, apiKey: API_KEY, maxRetries: 0, timeout: 30_000 }), url);
    });
  }
}

/** One message of a user. */
export function ask(content) {
  return [{ role: "user", content }];
}
