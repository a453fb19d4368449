import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunSpec } from "../../protocol/run";
import { createRun } from "../runDirectory";
import { newRun, temporaryFolder } from "./testRun";

export interface Met {
  row: number;
  loss: number;
  source?: number;
}

/** A run on data sets of `rows` short rows each, whose first pass has met `met`. */
export async function runThatMet(met: Met[], rows = 40, sources = 1) {
  const folder = temporaryFolder();
  const files = Array.from({ length: sources }, (_, index) => join(folder, `rows "${index}".jsonl`));
  for (const file of files) {
    const lines = Array.from({ length: rows }, (_, i) => JSON.stringify({ instruction: `Do ${i + 1}.`, output: "x" }));
    writeFileSync(file, `${lines.join("\n")}\n`);
  }
  const [main, ...others] = files;
  const run = newRun();
  const { directory } = await createRun(folder, {
    ...run,
    dataset: { ...run.dataset, path: main!, ...mixtureOf(others) },
  });
  mkdirSync(join(directory, "data"));
  mkdirSync(join(directory, "row-losses"));
  const manifest = {
    template: "alpaca",
    sources: files.map((path) => {
      const bytes = readFileSync(path);
      return { path, sha256: createHash("sha256").update(bytes).digest("hex"), bytes: bytes.length, format: "alpaca" };
    }),
  };
  writeFileSync(join(directory, "data", "manifest.json"), JSON.stringify(manifest));
  writeFileSync(join(directory, "data", "train.documents"), documents(met));
  const losses = join(directory, "row-losses", "pass-1.losses");
  writeFileSync(losses, lossRecords(met));
  return { directory, files, losses };
}

function documents(met: Met[]): Buffer {
  const head = Buffer.alloc(16);
  head.write("TSDOCUMT", "latin1");
  head.writeUInt32LE(1, 8);
  head.writeUInt32LE(32, 12);
  const records = met.map(({ row, source = 0 }, index) => {
    const record = Buffer.alloc(32);
    record.writeBigUInt64LE(BigInt(index * 10), 0);
    record.writeUInt32LE(10, 8);
    record.writeUInt32LE(4, 12);
    record.writeUInt32LE(row, 16);
    record.writeUInt16LE(source, 20);
    record.writeUInt32LE(index, 24);
    return record;
  });
  return Buffer.concat([head, ...records]);
}

export function lossRecords(met: Met[]): Buffer {
  const head = Buffer.alloc(24);
  head.write("TSLOSSES", "latin1");
  head.writeUInt32LE(1, 8);
  head.writeUInt32LE(16, 12);
  head.writeBigUInt64LE(BigInt(met.length), 16);
  const records = met.map(({ loss }, index) => {
    const record = Buffer.alloc(16);
    record.writeFloatLE(loss, 0);
    record.writeUInt32LE(index + 1, 4);
    record.writeUInt32LE(4, 8);
    return record;
  });
  return Buffer.concat([head, ...records]);
}

function mixtureOf(paths: string[]): Pick<RunSpec["dataset"], "mixture"> {
  if (paths.length === 0) return {};
  return { mixture: paths.map((path) => ({ path, format: "auto", weight: 1 })) };
}
