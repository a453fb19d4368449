// Debian and Ubuntu packages: each need names its package and how to see that it is met already.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { announce, findProgram, runLogged, SetupError } from "./process.mjs";

const program = (name, packageName = name) => ({ package: packageName, met: () => findProgram(name) !== null });
const file = (packageName, ...paths) => ({ package: packageName, met: () => paths.some((path) => existsSync(path)) });

/** `lib/<triplet>` of this machine, such as /usr/lib/x86_64-linux-gnu. */
function systemLibrary(name) {
  const folders = existsSync("/usr/lib") ? readdirSync("/usr/lib").filter((entry) => entry.endsWith("-linux-gnu")) : [];
  return folders.map((folder) => join("/usr/lib", folder, name));
}

/** The demo's data are the functions of Python's standard library; python3-minimal alone holds a part of it. */
function hasStandardLibrary() {
  const python = findProgram("python3");
  if (python === null) return false;
  const answer = spawnSync(python, ["-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"], {
    encoding: "utf8",
  });
  return answer.status === 0 && existsSync(join(answer.stdout.trim(), "mailbox.py"));
}

/** Ubuntu's archive has Chromium as a snap only, under another name. */
function chromiumPackage() {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return /^ID=ubuntu$/m.test(release) ? "chromium-browser" : "chromium";
}

export function findBrowser() {
  for (const name of ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"]) {
    const path = findProgram(name);
    if (path !== null) return path;
  }
  return null;
}

const compiler = [program("g++"), program("make")];

export const aptNeeds = {
  build: [
    ...compiler,
    program("cmake"),
    file("libopenblas-openmp-dev", ...systemLibrary("openblas-openmp/libopenblas.a")),
    file("nlohmann-json3-dev", "/usr/include/nlohmann/json.hpp"),
    file("doctest-dev", "/usr/include/doctest/doctest.h", "/usr/include/doctest.h"),
  ],
  demo: [
    { package: "python3-minimal", met: () => findProgram("python3") !== null },
    { package: "libpython3-stdlib", met: hasStandardLibrary },
  ],
  codeServer: [...compiler, program("python3"), program("krb5-config", "libkrb5-dev"), program("rg", "ripgrep")],
  /** The rules over the tree ask git which files belong to it. */
  rules: [program("git")],
  browser: [
    { package: chromiumPackage(), met: () => findBrowser() !== null },
    file("fonts-dejavu-core", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
  ],
};

/** Installs what the named groups of needs lack. */
export async function installPackages(groups) {
  const unmet = groups.flatMap((group) => aptNeeds[group]).filter((need) => !need.met());
  const packages = [...new Set(unmet.map((need) => need.package))];
  if (packages.length === 0) return;
  const list = packages.join(" ");
  if (findProgram("apt-get") === null) {
    throw new SetupError(
      `These programs are missing, and there is no apt-get to install them with; as Debian packages: ${list}`,
    );
  }
  const prefix = becomeRoot();
  if (prefix === null) {
    throw new SetupError(
      `Install these packages as root, then run this again: apt-get install --no-install-recommends ${list}`,
    );
  }
  const apt = (...args) => {
    const [command, ...rest] = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args];
    return runLogged("apt", command, rest, { append: true });
  };
  await announce(`install Debian packages: ${list}`, async () => {
    await apt("update", "-qq");
    await apt("install", "-y", "-qq", "--no-install-recommends", ...packages);
  });
  const still = unmet.filter((need) => !need.met()).map((need) => need.package);
  if (still.length > 0) {
    throw new SetupError(`apt-get installed ${still.join(" ")}, but what is needed from it is still missing.`);
  }
}

/** What to put before a command to run it as root: nothing, sudo, or null where neither works. */
function becomeRoot() {
  if (process.getuid?.() === 0) return [];
  const sudo = findProgram("sudo");
  if (sudo === null) return null;
  const silent = spawnSync(sudo, ["-n", "true"], { stdio: "ignore" }).status === 0;
  // Without a terminal nobody could type the password.
  return silent ? ["sudo", "-n"] : null;
}
