// The Foundry emulator: how to start it, and the tokens it takes and refuses.

import path from "node:path";

import { Program, programPath } from "./programs.js";

export const PROJECT_PATH = "/api/projects/emulated";
// The emulator takes any bearer token but the two below, which it refuses as the service would.
export const ACCESS_TOKEN = "emulator-token";
export const WRONG_AUDIENCE_TOKEN = "wrong-audience";
export const NO_PERMISSION_TOKEN = "no-permission";

/** Starts an emulator; `caFile` is set when it serves HTTPS, with the certificate to trust. */
export async function startEmulator(logDirectory, { https }) {
  const caFile = https ? path.join(logDirectory, "emulator-ca.pem") : undefined;
  const args = ["--port", "0", ...(https ? ["--https", "--ca-file", caFile] : [])];
  const program = new Program(programPath("foundry-emulator"), args, {}, logDirectory);
  const address = await program.waitForAddress();
  // The line may carry the project's path; the address is what comes before it.
  const url = address.endsWith(PROJECT_PATH) ? address.slice(0, -PROJECT_PATH.length) : address;
  return { program, url, projectEndpoint: url + PROJECT_PATH, caFile };
}
