import type { WorkerRequest } from "../protocol/worker";
import { RequestQueue } from "./requestQueue";

const queue = new RequestQueue(
  // onnxruntime and tokenizers are loaded with the first model and not before.
  async (exportDir, threads) => (await import("./completer")).Completer.load(exportDir, { threads }),
  (response) => {
    if (process.connected) process.send?.(response);
  },
);

process.on("message", (request: WorkerRequest) => queue.handle(request));
// The extension host has gone: nobody waits for an answer any more.
process.on("disconnect", () => process.exit(0));
