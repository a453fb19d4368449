import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { exportBase } from "./export";
import { readExport, replaceFolder, writeInto } from "./exportFolder";
import { randomModel, TINY_PYTHON, temporaryFolder } from "./testModel";

describe("replaceFolder", () => {
  it("replaces what was there", async () => {
    const target = join(temporaryFolder("replace"), "export");
    for (const content of ["1", "2"]) {
      await replaceFolder(target, async (folder) => {
        await writeInto(folder, "file", content);
      });
      expect(readFileSync(join(target, "file"), "utf8")).toBe(content);
    }
    expect(readdirSync(join(target, ".."))).toEqual(["export"]);
  });

  it("leaves what was there when the work fails", async () => {
    const target = join(temporaryFolder("replace"), "export");
    mkdirSync(target);
    writeFileSync(join(target, "old"), "old");
    const work = replaceFolder(target, async (folder) => {
      await writeInto(folder, "new", "new");
      throw new Error("no");
    });
    await expect(work).rejects.toThrow("no");
    expect(readdirSync(join(target, ".."))).toEqual(["export"]);
    expect(readdirSync(target)).toEqual(["old"]);
  });

  it("removes what a killed export left, and nothing of one at work", async () => {
    const parent = temporaryFolder("replace");
    const killed = ".export.999999999-0123abcd.tmp";
    const atWork = `.export.${process.ppid}-0123abcd.tmp`;
    for (const name of [killed, atWork, ".export.other"]) mkdirSync(join(parent, name));
    await replaceFolder(join(parent, "export"), async () => {});
    expect(readdirSync(parent).sort()).toEqual([atWork, ".export.other", "export"].sort());
  });
});

describe("an export that is damaged", () => {
  async function exported(): Promise<string> {
    const target = join(temporaryFolder("damaged"), "export");
    await exportBase(TINY_PYTHON, target, { engine: null });
    return target;
  }
  const record = (folder: string, change: (record: Record<string, unknown>) => void) => {
    const path = join(folder, "export.json");
    const value = JSON.parse(readFileSync(path, "utf8"));
    change(value);
    writeFileSync(path, JSON.stringify(value));
  };

  it("is refused with a sentence, whatever is wrong with it", async () => {
    const folder = await exported();
    const contract = readFileSync(join(folder, "contract.json"));
    const good = readFileSync(join(folder, "export.json"), "utf8");
    expect((await readExport(folder)).files.map(({ path }) => path).sort()).toEqual([
      "config.json",
      "contract.json",
      "generation_config.json",
      "model.onnx",
      "model.onnx.data",
      "tokenizer.json",
    ]);
    const refuse = async (damage: () => void, message: RegExp) => {
      damage();
      await expect(readExport(folder)).rejects.toThrow(message);
      writeFileSync(join(folder, "export.json"), good);
    };
    const failed = { passed: false, reasons: ["The largest difference between logits is 2."] };
    await refuse(
      () => record(folder, (r) => (r.parity = failed)),
      /does not agree with the training engine .* is 2\.$/,
    );
    await refuse(() => record(folder, (r) => (r.parity = { passed: "yes" })), /parity\.reasons must be a list/);
    await refuse(() => record(folder, (r) => (r.adapterSha256 = "ab")), /parity must be the report/);
    await refuse(() => record(folder, (r) => (r.version = 2)), /version must be 1/);
    await refuse(() => record(folder, (r) => (r.graph = 1)), /by another version of Tunesmith; export the model again/);
    await refuse(() => record(folder, (r) => (r.files = [])), /files must be a list/);
    await refuse(
      () => record(folder, (r) => (r.files = [null, { path: "model.onnx" }])),
      /files\[0\]\.path must be a string/,
    );
    await refuse(() => writeFileSync(join(folder, "export.json"), good.slice(0, 40)), /export\.json is not valid JSON/);
    await refuse(
      () => writeFileSync(join(folder, "contract.json"), "x".repeat(3)),
      /contract\.json has 3 bytes instead of/,
    );
    writeFileSync(
      join(folder, "contract.json"),
      " ".repeat(JSON.parse(good).files.find((f: { path: string }) => f.path === "contract.json").bytes),
    );
    await refuse(() => {}, /contract\.json is not the file that was exported/);
    writeFileSync(join(folder, "contract.json"), contract);
    const flipOneBit = () => {
      const data = readFileSync(join(folder, "model.onnx.data"));
      data[data.length >> 1]! ^= 1;
      writeFileSync(join(folder, "model.onnx.data"), data);
    };
    await refuse(flipOneBit, /model\.onnx\.data is not the file that was exported: it is damaged/);
    await refuse(
      () => truncateSync(join(folder, "model.onnx.data"), 4096),
      /model\.onnx\.data has 4096 bytes instead of/,
    );
    await expect(readExport(temporaryFolder("none"))).rejects.toThrow(/export\.json is missing/);
  });
});

describe("an export that does not end", () => {
  it("leaves nothing when it is cancelled", async () => {
    const parent = temporaryFolder("cancelled");
    const abort = new AbortController();
    const exporting = exportBase(TINY_PYTHON, join(parent, "export"), {
      engine: null,
      signal: abort.signal,
      onProgress: (_, fraction) => (fraction ?? 0) > 0.5 && abort.abort(),
    });
    await expect(exporting).rejects.toThrow(/abort/i);
    expect(readdirSync(parent)).toEqual([]);
  });

  it("leaves nothing when the base model is damaged", async () => {
    const { folder } = randomModel({}, 1);
    const parent = temporaryFolder("damaged-base");
    writeFileSync(join(folder, "tokenizer.json"), "{}");
    await expect(exportBase(folder, join(parent, "export"), { engine: null })).rejects.toThrow(/tokenizer\.json/);
    expect(readdirSync(parent)).toEqual([]);
  });

  const mounted: string[] = [];
  afterEach(() => {
    for (const folder of mounted.splice(0)) execFileSync("umount", [folder]);
  });

  /** Mounting needs root (in a container: the right to). */
  function smallDisk(): string | null {
    const folder = temporaryFolder("disk");
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=20m", "tmpfs", folder], { stdio: "ignore" });
    } catch {
      return null;
    }
    mounted.push(folder);
    return folder;
  }

  it("leaves nothing on a full disk and names the file", async ({ skip }) => {
    const disk = smallDisk();
    if (!disk) return skip("a small disk can only be mounted by root");
    const target = join(disk, "export");
    await expect(exportBase(TINY_PYTHON, target, { engine: null })).rejects.toThrow(
      /model\.onnx\.data could not be written: the disk is full\.$/,
    );
    expect(existsSync(target)).toBe(false);
    expect(readdirSync(disk)).toEqual([]);
  });
});
