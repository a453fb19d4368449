// Starts code-server on 127.0.0.1 with a state folder of its own, away from the user's and from the network.
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { childEnvironment, runLogged } from "../setup/process.mjs";
import { codeServerEntry } from "./install.mjs";

const quietSettings = {
  "workbench.startupEditor": "none",
  "workbench.enableExperiments": false,
  "workbench.tips.enabled": false,
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "extensions.autoUpdate": false,
  "extensions.autoCheckUpdates": false,
  "extensions.ignoreRecommendations": true,
  "chat.commandCenter.enabled": false,
  "editor.inlineSuggest.enabled": true,
};

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const environment = (state) => ({
  EXTENSIONS_GALLERY: "{}",
  XDG_DATA_HOME: join(state, "xdg"),
  XDG_CONFIG_HOME: join(state, "xdg"),
  XDG_STATE_HOME: join(state, "xdg"),
  // Where downloaded models go.
  HF_HUB_CACHE: join(state, "hub"),
});

async function waitUntilHealthy(url, child, logPath) {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) break;
    try {
      if ((await fetch(`${url}/healthz`)).ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`code-server did not start on ${url}; its log:\n${readFileSync(logPath, "utf8").slice(-4000)}`);
}

/**
 * Installs a packaged extension into the folder `extensions`, which several servers may use afterwards.
 *
 * @param {{ vsix: string, extensions: string, state: string }} options
 */
export async function installExtension({ vsix, extensions, state }) {
  mkdirSync(extensions, { recursive: true });
  const args = [codeServerEntry, "--user-data-dir", join(state, "user"), "--extensions-dir", extensions];
  await runLogged("install-extension", process.execPath, [...args, "--install-extension", vsix, "--force"], {
    env: environment(state),
  });
}

/**
 * @param {{ state: string, port?: number, vsix?: string, extensions?: string, settings?: Record<string, unknown>, workspaceTrust?: boolean }} options
 * `state` is a folder for its settings, extensions and log; with `extensions` these lie elsewhere. Workspace trust is off unless it is under test.
 */
export async function startCodeServer({
  state,
  port,
  vsix,
  extensions = join(state, "extensions"),
  settings = {},
  workspaceTrust = false,
}) {
  const userData = join(state, "user");
  mkdirSync(extensions, { recursive: true });
  const allSettings = { ...quietSettings, "security.workspace.trust.enabled": workspaceTrust, ...settings };
  // The user's settings and those of the machine that runs the extensions: some settings are taken from the latter alone.
  for (const scope of ["User", "Machine"]) {
    mkdirSync(join(userData, scope), { recursive: true });
    writeFileSync(join(userData, scope, "settings.json"), `${JSON.stringify(allSettings, null, 2)}\n`);
  }
  const chosenPort = port ?? (await freePort());
  const config = join(state, "config.yaml");
  writeFileSync(config, `bind-addr: 127.0.0.1:${chosenPort}\nauth: none\ncert: false\n`);
  const folders = ["--config", config, "--user-data-dir", userData, "--extensions-dir", extensions];
  const env = environment(state);
  if (vsix !== undefined) await installExtension({ vsix, extensions, state });

  const logPath = join(state, "server.log");
  const log = createWriteStream(logPath);
  const flags = [
    "--auth",
    "none",
    "--bind-addr",
    `127.0.0.1:${chosenPort}`,
    "--disable-telemetry",
    "--disable-update-check",
  ];
  if (!workspaceTrust) flags.push("--disable-workspace-trust");
  const args = [codeServerEntry, ...folders, ...flags, "--disable-getting-started-override"];
  // A group of its own, so that all its processes end with it.
  const child = spawn(process.execPath, args, {
    env: childEnvironment(env),
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch {
      // It has ended already.
    }
  };
  const stop = async () => {
    signal("SIGTERM");
    const late = setTimeout(() => signal("SIGKILL"), 5000);
    await ended;
    clearTimeout(late);
    // Workers of VS Code that outlive their parent by a moment.
    signal("SIGKILL");
  };
  const url = `http://127.0.0.1:${chosenPort}`;
  try {
    await waitUntilHealthy(url, child, logPath);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, logPath, ended, stop };
}
