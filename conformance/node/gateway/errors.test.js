// Failures: the client's error classes, and what they carry.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  APIConnectionTimeoutError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from "openai";

import { ask, throughEveryFront } from "../support/openai.js";

throughEveryFront("errors", (client) => {
  for (const stream of [false, true]) {
    for (const [agent, errorClass, status, code] of [
      ["fail-rate-limit", RateLimitError, 429, "rate_limit_exceeded"],
      ["fail-permission", PermissionDeniedError, 403, "permission_denied"],
      ["fail-content-filter", BadRequestError, 400, "content_filter"],
      ["fail-server-error", InternalServerError, 502, undefined],
      ["missing", NotFoundError, 404, "model_not_found"],
    ]) {
      test(`${agent} is a ${errorClass.name}, ${stream ? "streamed" : "whole"}`, async () => {
        for (const model of [agent, `asst_${agent.replaceAll("-", "_")}`]) {
          await assert.rejects(client.chat.completions.create({ model, messages: ask("Hello"), stream }), (error) => {
            assert.ok(error instanceof errorClass, `${model}: ${error}`);
            assert.equal(error.status, status);
            if (code) {
              assert.equal(error.code, code);
            }
            assert.ok(error.requestID);
            return true;
          });
        }
      });
    }
  }

  test("the wait of a rate limit is passed on", async () => {
    await assert.rejects(client.chat.completions.create({ model: "fail-rate-limit", messages: ask("Hello") }), (error) => {
      assert.equal(error.headers.get("retry-after"), "7");
      return true;
    });
  });

  test("a client that times out says so", async () => {
    const hurried = client.withOptions({ timeout: 1_000 });
    await assert.rejects(
      hurried.chat.completions.create({ model: "stall-headers", messages: ask("Hello") }),
      APIConnectionTimeoutError,
    );
  });
});
