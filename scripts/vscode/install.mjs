// Installs code-server, a real VS Code with server and browser workbench, from npm into .cache/code-server.
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { announce, cache, findProgram, runLogged } from "../setup/process.mjs";

/** The last line for Node 20; holds VS Code 1.100.3. */
const VERSION = "4.100.3";
export const codeServerFolder = join(cache, "code-server");
export const codeServerEntry = join(codeServerFolder, "node_modules", "code-server", "out", "node", "entry.js");
const stamp = join(codeServerFolder, "installed.json");

function isInstalled() {
  if (!existsSync(stamp) || !existsSync(codeServerEntry)) return false;
  const record = JSON.parse(readFileSync(stamp, "utf8"));
  // Native modules are built for one version of Node's binary interface.
  return record.version === VERSION && record.modules === process.versions.modules;
}

/** Where Node's headers lie beside the program, node-gyp need not fetch them. */
function headerSettings() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, "include", "node", "node_version.h")) ? { npm_config_nodedir: prefix } : {};
}

export async function installCodeServer() {
  if (isInstalled()) return;
  await announce(
    `install code-server ${VERSION} (VS Code 1.100.3) into .cache/code-server, about a minute`,
    async () => {
      rmSync(codeServerFolder, { recursive: true, force: true });
      mkdirSync(codeServerFolder, { recursive: true });
      writeFileSync(join(codeServerFolder, "package.json"), '{ "name": "code-server-install", "private": true }\n');
      await installPackages();
      writeFileSync(stamp, `${JSON.stringify({ version: VERSION, modules: process.versions.modules })}\n`);
    },
  );
}

async function installPackages() {
  const npm = (cwd, ...args) =>
    // `yes`: node-pty's script calls `npx node-gyp`, which must not ask.
    runLogged("code-server", "npm", args, { cwd, append: true, env: { npm_config_yes: "true", ...headerSettings() } });
  const quiet = ["--no-audit", "--no-fund"];
  // Its own install script fetches ripgrep from elsewhere, so no script runs here …
  await npm(codeServerFolder, "install", `code-server@${VERSION}`, "--ignore-scripts", "--no-save", ...quiet);
  // … and the native modules are built one by one. argon2 is loaded at start, though only passwords need it.
  await npm(codeServerFolder, "rebuild", "argon2", "--ignore-scripts=false");
  const vscode = join(codeServerFolder, "node_modules", "code-server", "lib", "vscode");
  await npm(vscode, "install", "--omit=dev", "--ignore-scripts", ...quiet);
  const native = ["node-pty", "@vscode/spdlog", "@parcel/watcher", "native-watchdog", "@vscode/deviceid", "kerberos"];
  await npm(vscode, "rebuild", ...native, "--ignore-scripts=false");
  const ripgrep = join(vscode, "node_modules", "@vscode", "ripgrep", "bin");
  mkdirSync(ripgrep, { recursive: true });
  rmSync(join(ripgrep, "rg"), { force: true });
  symlinkSync(findProgram("rg"), join(ripgrep, "rg"));
  const asar = join(vscode, "node_modules.asar");
  rmSync(asar, { force: true, recursive: true });
  symlinkSync("node_modules", asar);
}
