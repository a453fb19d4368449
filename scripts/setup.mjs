// Brings a bare Debian or Ubuntu with Node 20 to where the project builds, runs and tests. Does only what is missing.
// Usage: node scripts/setup.mjs [build] [demo] [start] [test]    (build if nothing is named)
import { pathToFileURL } from "node:url";
import { installPackages } from "./setup/apt.mjs";
import { buildNative } from "./setup/native.mjs";
import { installNodeModules } from "./setup/node-modules.mjs";
import { announce, root, runLogged, SetupError } from "./setup/process.mjs";
import { installCodeServer } from "./vscode/install.mjs";

/** Which Debian packages each purpose needs. */
const packageGroups = {
  build: ["build"],
  demo: ["build", "demo"],
  start: ["build", "codeServer"],
  rules: ["rules"],
  test: ["build", "demo", "codeServer", "browser"],
};

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 18)) {
    throw new SetupError(`Node ${process.versions.node} is too old: install Node 20.18 or newer.`);
  }
}

/** Each piece of the set-up once; a piece that fails fails whatever asks for it, and nothing else. */
export function createSetup(purposes) {
  checkNode();
  const pieces = new Map();
  const once = (name, work) => {
    if (!pieces.has(name)) {
      const promise = work();
      // Whoever asks for the piece sees the failure; until then it is not an unhandled one.
      promise.catch(() => {});
      pieces.set(name, promise);
    }
    return pieces.get(name);
  };
  const groups = [...new Set(purposes.flatMap((purpose) => packageGroups[purpose]))];
  const setup = {
    packages: () => once("packages", () => installPackages(groups)),
    nodeModules: () => once("nodeModules", () => installNodeModules()),
    native: (preset = "release") => once(`native-${preset}`, () => setup.packages().then(() => buildNative(preset))),
    bundles: () =>
      once("bundles", () =>
        setup
          .nodeModules()
          .then(() =>
            announce("bundle the sources into dist/", () => runLogged("bundles", "node", ["scripts/build.mjs"])),
          ),
      ),
    codeServer: () => once("codeServer", () => setup.packages().then(() => installCodeServer())),
    vsix: () =>
      once("vsix", () =>
        Promise.all([setup.nodeModules(), setup.native()]).then(() =>
          announce("package the extension into build/tunesmith-linux-x64.vsix", () =>
            runLogged("package", "node", ["scripts/package.mjs", "--engine", "release"]),
          ),
        ),
      ),
  };
  return setup;
}

/**
 * What a script needs before it runs.
 * @param {{ build?: boolean, demo?: boolean, start?: boolean, test?: boolean }} what
 */
export async function ensure(what) {
  process.chdir(root);
  const purposes = Object.keys(packageGroups).filter((purpose) => what[purpose]);
  const setup = createSetup(purposes);
  await setup.packages();
  const pieces = [setup.nodeModules(), setup.native(), setup.bundles()];
  if (what.start || what.test) pieces.push(setup.codeServer(), setup.vsix());
  // All end before one is reported: a compiler should not go on in the background.
  const results = await Promise.allSettled(pieces);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !(name in packageGroups));
  if (unknown.length > 0) {
    console.error(`There is no set-up for "${unknown[0]}": name ${Object.keys(packageGroups).join(", ")}.`);
    process.exit(2);
  }
  try {
    await ensure(names.length === 0 ? { build: true } : Object.fromEntries(names.map((name) => [name, true])));
    console.log("set-up: everything is there");
  } catch (error) {
    console.error(error instanceof SetupError ? error.message : error);
    process.exit(1);
  }
}
