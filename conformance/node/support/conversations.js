// A conversation of five turns, and what the agent must have been told of it.
//
// The emulator says which upstream head each turn continued, what was sent, and what the agent had before it
// when it answered: for a new agent the chain of responses, for a classic one the messages of the thread.

import assert from "node:assert/strict";

import { ACCESS_TOKEN, PROJECT_PATH } from "./emulator.js";

const TURN_OPERATIONS = ["create_response", "create_thread_and_run", "create_run"];

/** The emulator's own answer for a path of the project, past the gateway. The journal records it. */
async function get(path) {
  const response = await fetch(`${process.env.CONFORMANCE_EMULATOR_URL}${PROJECT_PATH}${path}`, {
    headers: { authorization: `Bearer ${ACCESS_TOKEN}` },
  });
  assert.equal(response.status, 200, path);
  return response.json();
}

/** The number of the newest request in the journal, which other test files fill at the same time. */
async function newestRequest() {
  return (await journal()).at(-1)?.number ?? 0;
}

async function journal() {
  const body = await (await fetch(`${process.env.CONFORMANCE_EMULATOR_URL}/emulator/journal`)).json();
  return body.requests ?? body;
}

/** What the journal's turns with one of `questions` at their end were upstream, oldest first. */
async function upstreamTurns(afterNumber, questions) {
  const turns = (await journal()).filter(
    ({ number, operation }) => number > afterNumber && TURN_OPERATIONS.includes(operation),
  );
  const described = [];
  for (const { operation, body, path } of turns) {
    const sent = textsOf(body.input ?? body.additional_messages ?? body.thread.messages);
    if (questions.includes(sent.at(-1))) {
      described.push({ sent, ...(await continued(operation, body, path, sent)) });
    }
  }
  return described;
}

/** The head, and the texts that the agent had already. */
async function continued(operation, body, path, sent) {
  if (operation === "create_response") {
    const head = body.previous_response_id ?? null;
    return { head, known: head ? await responseTexts(head) : [] };
  }
  if (operation === "create_thread_and_run") {
    return { head: null, known: [] };
  }
  const head = path.split("/threads/")[1].split("/")[0];
  const onThread = await threadTexts(head);
  // The thread may have grown since; what was sent stands where it was put.
  return { head, known: onThread.slice(0, onThread.indexOf(sent[0])) };
}

function textsOf(messages) {
  // Calls and their results have no content; other tests run at the same time.
  return messages.flatMap((message) => (message.content ?? []).map((part) => part.text));
}

/** Everything that was said up to a response and in it, oldest first. */
async function responseTexts(id) {
  const response = await get(`/openai/v1/responses/${id}`);
  const earlier = response.previous_response_id;
  const sent = await get(`/openai/v1/responses/${id}/input_items?order=asc&limit=100`);
  return [...(earlier ? await responseTexts(earlier) : []), ...textsOf(sent.data), ...textsOf(response.output)];
}

/** Everything that was said on a thread, oldest first. */
async function threadTexts(id) {
  const messages = await get(`/threads/${id}/messages?api-version=v1&order=asc&limit=100`);
  return messages.data.flatMap((message) => message.content.map((part) => part.text.value));
}

function contents(history) {
  return history.map((message) => message.content);
}

/** A text that no other test has sent, because a known beginning would be continued. */
export function unheard(text) {
  return `${text} ${crypto.randomUUID()}`;
}

/**
 * Turns after `history`, one for each of `questions`, all at once: the answers and what the turns were upstream.
 * `say(messages)` sends a whole history, as clients do, and gives the assistant's message.
 */
export async function turnsAtOnce(say, history, questions) {
  const before = await newestRequest();
  const histories = questions.map((question) => [...history, { role: "user", content: question }]);
  const answers = await Promise.all(histories.map(say));
  const upstream = await upstreamTurns(before, questions);
  const seen = upstream.map(({ known, sent }) => JSON.stringify([...known, ...sent]));
  assert.deepEqual(
    seen.sort(),
    histories.map((messages) => JSON.stringify(contents(messages))).sort(),
    "the agent knows what the client shows, and nothing of another branch",
  );
  return { histories: histories.map((messages, index) => [...messages, answers[index]]), upstream };
}

/** Five turns, of which one is regenerated, one edited, and the last asked twice at once. */
export async function holdFiveTurns(model, say) {
  const isNew = model === "assistant";
  const turn = async (history, question) => {
    const { histories, upstream } = await turnsAtOnce(say, history, [question]);
    return { history: histories[0], ...upstream[0] };
  };
  const name = `Ada${crypto.randomUUID().replaceAll("-", "")}`;
  const [tea, rain, coffee, maps] = ["tea", "rain", "coffee", "maps"].map(unheard);

  const first = await turn([], `My name is ${name}.`);
  assert.equal(first.head, null);
  const second = await turn(first.history, tea);
  assert.ok(second.head);
  assert.deepEqual(second.sent, [tea]);
  const third = await turn(second.history, rain);
  assert.deepEqual(third.sent, [rain]);
  assert.equal(third.head === second.head, !isNew, "each answer is a head; a thread stays the same");

  const again = await turn(second.history, rain);
  const edited = await turn(first.history, coffee);
  if (isNew) {
    assert.deepEqual([again.head, again.sent], [third.head, [rain]]);
    assert.deepEqual([edited.head, edited.sent], [second.head, [coffee]]);
  } else {
    // A thread cannot be continued from an earlier place, so that the branches begin on threads of their own.
    assert.deepEqual([again.head, edited.head], [null, null]);
  }
  const beside = await turn(edited.history, maps);
  assert.ok(beside.head, "a branch is continued like any other");
  assert.deepEqual(beside.sent, [maps]);

  const fourth = await turn(again.history, maps);
  assert.ok(fourth.head);
  assert.deepEqual(fourth.sent, [maps]);

  const questions = ["one", "two"].map((text) => unheard(`What is my name? ${text}`));
  const fifth = await turnsAtOnce(say, fourth.history, questions);
  assert.deepEqual(
    fifth.histories.map((history) => history.at(-1).content),
    [`Your name is ${name}.`, `Your name is ${name}.`],
  );
  const [one, other] = fifth.upstream;
  if (isNew) {
    assert.ok(one.head);
    assert.equal(one.head, other.head);
    assert.deepEqual([...one.sent, ...other.sent].sort(), [...questions].sort());
  } else {
    assert.equal([one, other].filter(({ head }) => head).length, 1, "one takes the thread, the other replays");
  }
}
