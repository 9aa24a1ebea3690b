// Runs one suite: `node run.js emulator` or `node run.js gateway`.
//
// The programs are started here, outside the test processes, because Node.js reads
// NODE_EXTRA_CA_CERTS only when a process starts, and because one start serves every test file.
// A program that wrote to stderr fails the run: nothing may be written there when all goes well.

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const suites = { emulator: startEmulatorSuite, gateway: startGatewaySuite };

async function startEmulatorSuite(logDirectory, running) {
  const { startEmulator } = await import("./support/emulator.js");
  const emulator = await startEmulator(logDirectory, { https: true });
  running.push(emulator.program);
  return {
    CONFORMANCE_PROJECT_ENDPOINT: emulator.projectEndpoint,
    NODE_EXTRA_CA_CERTS: emulator.caFile,
  };
}

async function startGatewaySuite(logDirectory, running) {
  const { startGateways } = await import("./support/gateways.js");
  return startGateways(logDirectory, running);
}

/** Runs the test files of `suite` with Node's own test runner; gives its exit code. */
function runTests(suite, environment) {
  const directory = path.join(path.dirname(fileURLToPath(import.meta.url)), suite);
  const files = readdirSync(directory)
    .filter((name) => name.endsWith(".test.js"))
    .map((name) => path.join(directory, name));
  const tests = spawn(process.execPath, ["--test", "--test-reporter=spec", "--test-timeout=120000", ...files], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return new Promise((resolve) => tests.once("exit", (code) => resolve(code ?? 1)));
}

async function main(suite) {
  const start = suites[suite];
  if (!start) {
    console.error(`usage: node run.js ${Object.keys(suites).join("|")}`);
    return 64;
  }
  const logDirectory = mkdtempSync(path.join(os.tmpdir(), `conformance-${suite}-`));
  const running = [];
  let code = 1;
  try {
    const environment = await start(logDirectory, running);
    code = await runTests(suite, environment);
  } finally {
    // Last started, first stopped: a front must not lose what it stands before.
    for (const program of running.reverse()) {
      await program.stop();
      if (program.stderr !== "") {
        console.error(`${program.name} wrote to stderr:\n${program.stderr}`);
        code = 1;
      }
    }
    rmSync(logDirectory, { recursive: true });
  }
  return code;
}

process.exitCode = await main(process.argv[2]);
