import type { WorkerRequest } from "../protocol/worker";
import { RequestQueue } from "./requestQueue";

const queue = new RequestQueue(
  // onnxruntime and tokenizers are loaded with the first model and not before.
  async ({ exportDir, ...options }) => (await import("./completer")).Completer.load(exportDir, options),
  (response) => {
    // With a callback a channel that closes meanwhile is no error: nobody waits for the answer any more.
    if (process.connected) process.send?.(response, undefined, undefined, () => {});
  },
);

process.on("message", (request: WorkerRequest) => queue.handle(request));
// The extension host has gone.
process.on("disconnect", () => process.exit(0));
