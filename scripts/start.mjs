// Opens the packaged extension in a real VS Code on 127.0.0.1, with a sample folder. Ctrl-C ends it.
// Usage: node scripts/start.mjs [--port 8080]
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cache, root, SetupError } from "./setup/process.mjs";
import { ensure } from "./setup.mjs";
import { startCodeServer } from "./vscode/launch.mjs";
import { writeSampleWorkspace } from "./vscode/sample-workspace.mjs";

function readPort() {
  let values;
  try {
    ({ values } = parseArgs({ options: { port: { type: "string" } } }));
  } catch (error) {
    throw new SetupError(`${error.message} Usage: npm start -- [--port 8080]`);
  }
  if (values.port === undefined) return undefined;
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new SetupError(`--port must be a whole number from 1 to 65535, not "${values.port}".`);
  }
  return port;
}

try {
  const port = readPort();
  await ensure({ start: true });
  const folder = join(cache, "start");
  const workspace = join(folder, "sample");
  // What was tried there stays until the folder is deleted.
  if (!existsSync(workspace)) writeSampleWorkspace(workspace);
  const server = await startCodeServer({
    state: join(folder, "state"),
    port,
    vsix: join(root, "build", "tunesmith-linux-x64.vsix"),
  });
  console.log(`\nTunesmith in VS Code: ${server.url}/?folder=${encodeURIComponent(workspace)}`);
  console.log("Right-click functions.jsonl and choose Fine-tune on This Dataset. Ctrl-C ends VS Code; a run goes on.");
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => server.stop());
  const code = await server.ended;
  process.exit(code ?? 0);
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exit(1);
}
