// Starts the project's programs for a test run and stops them by process id.
//
// A program's stdout and stderr go to files, so that a full pipe can never block it and a failed run
// can show what it said. The programs are built beforehand: by `scripts/test.sh`, or by hand with
// `cargo build --workspace`.

import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");

// Long enough for a debug build on a busy machine, short enough to notice a program that hangs.
const START_TIMEOUT_MS = 30_000;
const POLL_INTERVAL_MS = 20;

/** The built program `name`, from `CONFORMANCE_BIN_DIR` or the debug folder of the Cargo target directory. */
export function programPath(name) {
  const target = process.env.CARGO_TARGET_DIR ?? path.join(repository, "target");
  const file = path.join(process.env.CONFORMANCE_BIN_DIR ?? path.join(target, "debug"), name);
  if (!existsSync(file)) {
    throw new Error(`${file} is missing; build it with \`cargo build --workspace\` or run scripts/test.sh`);
  }
  return file;
}

/** Calls `probe` until it gives something true, and returns that; throws at the bound. */
export async function waitFor(description, probe, timeoutMs = START_TIMEOUT_MS) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value) {
      return value;
    }
    if (Date.now() >= deadline) {
      throw new Error(`waited ${timeoutMs} ms in vain for ${description}`);
    }
    await delay(POLL_INTERVAL_MS);
  }
}

/** One running program. */
export class Program {
  #process;
  #stdoutPath;
  #stderrPath;

  constructor(file, args, environment, logDirectory) {
    this.name = path.basename(file);
    this.#stdoutPath = path.join(logDirectory, `${this.name}.stdout.log`);
    this.#stderrPath = path.join(logDirectory, `${this.name}.stderr.log`);
    const stdout = openSync(this.#stdoutPath, "w");
    const stderr = openSync(this.#stderrPath, "w");
    this.#process = spawn(file, args, {
      // Nothing is inherited but what a program needs to run, so that no setting of the developer's
      // shell changes a result.
      env: { PATH: process.env.PATH, HOME: process.env.HOME ?? "/", ...environment },
      stdio: ["ignore", stdout, stderr],
    });
    closeSync(stdout);
    closeSync(stderr);
  }

  get stdout() {
    return readFileSync(this.#stdoutPath, "utf8");
  }

  get stderr() {
    return readFileSync(this.#stderrPath, "utf8");
  }

  get isRunning() {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Like `waitFor`, but gives up with the program's own words as soon as it has ended. */
  async waitFor(description, probe) {
    return waitFor(`${description} of ${this.name}`, async () => {
      if (!this.isRunning) {
        throw new Error(
          `${this.name} ended before ${description}\nstdout:\n${this.stdout}\nstderr:\n${this.stderr}`,
        );
      }
      return probe();
    });
  }

  /** The URL of the line `listening on URL`. */
  async waitForAddress() {
    return this.waitFor("the line 'listening on URL'", () => {
      const line = /^listening on (\S+)\n/m.exec(this.stdout);
      return line?.[1].replace(/\/$/, "");
    });
  }

  /** Ends the process by its id: SIGTERM, and SIGKILL if that is not heard within 10 s. */
  async stop() {
    if (!this.isRunning) {
      return;
    }
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    const kill = setTimeout(() => this.#process.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(kill);
  }
}
