import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { contractPath, readContract } from "../../model/contract";
import { readExport } from "../../model/exportFolder";
import { readDocuments } from "../../model/heldOut";
import { heldOutLoss } from "../../model/heldOutLoss";
import { OnnxLlama } from "../../model/session";
import { type Command, numberOption, requiredOption, stringOption } from "../command";

export const command: Command = {
  name: ["evaluate"],
  summary: "compute an exported model's held-out loss",
  options: {
    run: { type: "string", value: "DIR", description: "run directory with prepared data" },
    model: { type: "string", value: "DIR", description: "an exported model; default: the run's own" },
    threads: { type: "string", value: "N", description: "0: as many as there are cores" },
  },
  async run(context) {
    const runDir = resolve(context.cwd, requiredOption(context, "run"));
    const given = stringOption(context, "model");
    const exportDir = given === undefined ? join(runDir, "export") : resolve(context.cwd, given);
    const threads = numberOption(context, "threads", { min: 0, max: 1024, whole: true }) ?? 0;
    await readExport(exportDir);
    const contract = readContract(contractPath(exportDir));
    const dataDir = join(runDir, "data");
    if (!existsSync(dataDir)) throw new Error(`${runDir} has no prepared data; prepare the run first.`);
    const documents = readDocuments(dataDir, "eval", contract.vocabularySize);
    if (documents.length === 0) throw new Error(`${runDir} holds no rows out; there is nothing to evaluate on.`);
    const model = await OnnxLlama.load(exportDir, { threads, maxPositions: contract.contextLength });
    try {
      const result = await heldOutLoss(model, documents, {
        signal: context.signal,
        onProgress: (fraction) => context.progress("Held-out loss", fraction),
      });
      context.result(
        result,
        `Held-out loss ${result.loss.toFixed(5)} nats a token (${result.targets.toLocaleString("en")} tokens, ${result.documents.toLocaleString("en")} rows).`,
      );
      return 0;
    } finally {
      await model.release();
    }
  },
};
