// Writes the licences of everything that the package holds of others.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../setup/process.mjs";

/** Linked into the engine; Debian keeps each package's licence under /usr/share/doc. */
const linkedIntoEngine = [
  { name: "OpenBLAS", documents: ["libopenblas-openmp-dev", "libopenblas-dev", "libopenblas0-openmp"] },
  { name: "nlohmann/json", documents: ["nlohmann-json3-dev"] },
  { name: "GCC's libstdc++, libgcc and libgomp", documents: ["libstdc++6", "libgcc-s1", "gcc-12-base", "gcc-13-base"] },
];

/** The npm packages behind bundled files: `node_modules/a/x.js` is of `a`, `node_modules/@s/a/x.js` of `@s/a`. */
export function bundledPackages(files) {
  const names = new Set();
  for (const file of files) {
    const match = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file);
    if (match !== null) names.add(match[0].slice(0, -1));
  }
  return [...names].sort();
}

function packageNotice(folder) {
  const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  const file = readdirSync(join(root, folder)).find((name) => /^(licen[cs]e|copying)(\.|-|$)/i.test(name));
  const text = file === undefined ? `Licence: ${manifest.license}` : readFileSync(join(root, folder, file), "utf8");
  return { title: `${manifest.name} ${manifest.version} (${manifest.license})`, text };
}

function systemNotice({ name, documents }) {
  const path = documents
    .map((document) => `/usr/share/doc/${document}/copyright`)
    .find((candidate) => existsSync(candidate));
  return {
    title: `${name}, linked into tunesmith-engine`,
    text: path === undefined ? null : readFileSync(path, "utf8"),
  };
}

/** Of the CUDA toolkit that the engine was built with; null where there is none, and so no CUDA in the engine. */
function cudaNotice() {
  const title = "NVIDIA's CUDA run time, linked into tunesmith-engine";
  const toolkits = existsSync("/usr/local") ? readdirSync("/usr/local").filter((name) => name.startsWith("cuda")) : [];
  for (const toolkit of toolkits.map((name) => join("/usr/local", name))) {
    const parts = join(toolkit, "dist-info");
    const runtime = existsSync(parts)
      ? readdirSync(parts).filter((name) => name.startsWith("nvidia_cuda_runtime-"))
      : [];
    const texts = [join(toolkit, "EULA.txt"), ...runtime.map((name) => join(parts, name, "licenses", "License.txt"))];
    const text = texts.find((path) => existsSync(path));
    if (text !== undefined) return { title, text: readFileSync(text, "utf8") };
  }
  return null;
}

export function writeNotices(path, bundledFiles, nativePackages) {
  const folders = [...bundledPackages(bundledFiles), ...nativePackages.map((name) => `node_modules/${name}`)];
  const notices = [...new Set(folders)].sort().map(packageNotice);
  for (const library of linkedIntoEngine) {
    const notice = systemNotice(library);
    if (notice.text === null) {
      console.warn(`No licence of ${library.name} under /usr/share/doc: the notices lack it.`);
      continue;
    }
    notices.push(notice);
  }
  const cuda = cudaNotice();
  if (cuda !== null) notices.push(cuda);
  const line = "=".repeat(80);
  const body = notices.map(({ title, text }) => `${line}\n${title}\n${line}\n\n${text.trim()}\n`).join("\n");
  writeFileSync(path, `This package holds software of others under these licences.\n\n${body}`);
}
