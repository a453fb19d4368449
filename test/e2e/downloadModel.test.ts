/** A base model from the Hub: what fits, size and licence first, a token where it is needed, ready to be tuned. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMIT, HubServer, headOf, REPOSITORY, rangeStart, type ServedFile } from "../../src/hub/testing/hubServer";
import { answerToast, toast } from "./editor";
import { TUNESMITH_ICON, Workbench } from "./workbench";

const TOKEN = "hf_example";
const tinyPython = resolve(__dirname, "../../models/tiny-python");

function servedFiles(): Record<string, ServedFile> {
  const names = readdirSync(tinyPython);
  return Object.fromEntries(
    names.map((name) => [name, { content: readFileSync(join(tinyPython, name)), lfs: name.endsWith(".safetensors") }]),
  );
}

describe("Download Base Model…", () => {
  let server: HubServer;
  let workbench: Workbench;
  const snapshot = () => join(workbench.folder, "state", "hub", "models--test-org--tiny", "snapshots", COMMIT);

  beforeAll(async () => {
    server = new HubServer(servedFiles());
    server.information = { gated: "manual" };
    await server.listen();
    workbench = await Workbench.start({
      name: "download",
      writeWorkspace: (folder) => {
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, "notes.txt"), "");
      },
      settings: { "tunesmith.hubEndpoint": server.endpoint },
    });
  });
  afterAll(async () => {
    await workbench?.stop();
    await server.close();
  });

  const onlyWithToken = (authorization: string | undefined) => authorization === `Bearer ${TOKEN}`;

  it("suggests what fits, and asks for a token where the model is gated", async () => {
    server.onFile = (_, { headers }, response) =>
      !onlyWithToken(headers.authorization) && Boolean(response.writeHead(401, { "x-error-code": "GatedRepo" }).end());
    await workbench.command("Tunesmith: Download Base Model");
    await workbench.page.locator(".quick-input-list", { hasText: "SmolLM2 360M" }).waitFor();
    await workbench.screenshot("1-suggestions");
    await workbench.choose("Which model is to be tuned on this machine", "Another Model…");
    await workbench.page.locator(".quick-input-title", { hasText: "Which model of the Llama family?" }).waitFor();
    await workbench.quickInput.fill(`${server.endpoint}/${REPOSITORY}/tree/main`);
    await workbench.page.keyboard.press("Enter");
    await toast(workbench, "test-org/tiny is gated").waitFor();
    await workbench.screenshot("2-gated");
    await answerToast(workbench, "test-org/tiny is gated", "Enter Token…");
    await workbench.page.locator(".quick-input-title", { hasText: "Access token for" }).waitFor();
    await workbench.quickInput.fill(TOKEN);
    await workbench.page.keyboard.press("Enter");
  });

  it("shows size and licence, and fetches nothing before it may", async () => {
    const dialog = workbench.page.locator(".monaco-dialog-box", { hasText: "Download test-org/tiny?" });
    await dialog.waitFor();
    const text = await dialog.textContent();
    expect(text).toContain("Size: 32 MB");
    expect(text).toContain("Licence: apache-2.0");
    expect(server.requests.filter(({ path, method }) => path.includes("/resolve/") && method === "GET")).toEqual([]);
    await workbench.screenshot("3-confirm");
    // The rest waits until the progress was seen.
    let goOn = () => {};
    const seen = new Promise<void>((done) => {
      goOn = done;
    });
    let asked = 0;
    server.onFile = (name, request, response) => {
      if (name !== "model-00002-of-00003.safetensors") return false;
      if (asked++ === 0) return Boolean(response.writeHead(429, { "retry-after": "5" }).end());
      const file = server.files[name]!;
      const start = rangeStart(request);
      const { status, headers } = headOf(file, start);
      response.writeHead(status, headers);
      response.write(file.content.subarray(start, start + 2_000_000));
      seen.then(() => response.end(file.content.subarray(start + 2_000_000)));
      return true;
    };
    await dialog.getByText("Download", { exact: true }).click();
    await toast(workbench, /has had too many requests; trying again in 5 s/).waitFor();
    await workbench.screenshot("4-waiting");
    await toast(workbench, /Downloading test-org\/tiny.*\d MB of 32\.0 MB/).waitFor();
    await workbench.screenshot("4-progress");
    goOn();
    await toast(workbench, "test-org/tiny is ready to be tuned.").waitFor();
    for (const name of ["config.json", "tokenizer.json", "model-00002-of-00003.safetensors"]) {
      expect(readFileSync(join(snapshot(), name)).equals(readFileSync(join(tinyPython, name))), name).toBe(true);
    }
  });

  it("lists the model, and makes it the default", async () => {
    await answerToast(workbench, "test-org/tiny is ready to be tuned.", "Use for New Runs");
    await workbench.page.locator(TUNESMITH_ICON).click();
    const row = workbench.page.locator(".monaco-list-row", { hasText: REPOSITORY });
    await row.first().waitFor();
    await workbench.screenshot("5-listed");
    expect(server.requests.every(({ headers }) => [undefined, `Bearer ${TOKEN}`].includes(headers.authorization))).toBe(
      true,
    );
    await workbench.showExplorer();
    await workbench.command("Tunesmith: Forget Access Token");
    await toast(workbench, "is forgotten").waitFor();
  });
});
