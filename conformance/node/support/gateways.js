// The gateway in front of an emulator, called directly and through the Functions host stand-in.

import { copyFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import net from "node:net";
import path from "node:path";

import { ACCESS_TOKEN, startEmulator } from "./emulator.js";
import { Program, programPath, repository } from "./programs.js";

export const API_KEY = "conformance-suite-key";

/** Starts everything, notes the programs in `running`, and gives the environment for the test files. */
export async function startGateways(logDirectory, running) {
  const emulator = await startEmulator(logDirectory, { https: false });
  running.push(emulator.program);
  const settings = {
    FOUNDRY_PROJECT_ENDPOINT: emulator.projectEndpoint,
    FOUNDRY_ACCESS_TOKEN: ACCESS_TOKEN,
    GATEWAY_API_KEYS: `suite=${API_KEY}`,
    GATEWAY_AGENTS: JSON.stringify({ aliases: { "team/helper": "asst_assistant" } }),
  };
  const direct = await startDirectly(settings, logDirectory, running);
  const behindHost = await startBehindFunctionsHost(settings, logDirectory, running);
  return {
    CONFORMANCE_EMULATOR_URL: emulator.url,
    CONFORMANCE_GATEWAYS: JSON.stringify({ direct, "functions-host": behindHost }),
  };
}

async function startDirectly(settings, logDirectory, running) {
  const port = await freePort();
  const program = new Program(
    programPath("foundry-gateway"),
    [],
    { ...settings, PORT: String(port) },
    logDirectory,
  );
  running.push(program);
  const url = `http://127.0.0.1:${port}`;
  await program.waitFor(`an answer on ${url}/`, async () => {
    try {
      return (await fetch(`${url}/`)).status === 200;
    } catch {
      return false;
    }
  });
  return url;
}

async function startBehindFunctionsHost(settings, logDirectory, running) {
  const appRoot = path.join(logDirectory, "app");
  mkdirSync(appRoot);
  copyFileSync(path.join(repository, "host.json"), path.join(appRoot, "host.json"));
  for (const name of readdirSync(repository)) {
    const description = path.join(repository, name, "function.json");
    if (existsSync(description)) {
      mkdirSync(path.join(appRoot, name));
      copyFileSync(description, path.join(appRoot, name, "function.json"));
    }
  }
  // A link would do for the kernel, but a deployed app is a plain file.
  copyFileSync(programPath("foundry-gateway"), path.join(appRoot, "foundry-gateway"));
  const program = new Program(programPath("functions-host"), ["--app-root", appRoot], settings, logDirectory);
  running.push(program);
  return program.waitForAddress();
}

function freePort() {
  return new Promise((resolve, reject) => {
    const listener = net.createServer();
    listener.once("error", reject);
    listener.listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}
