import { runCli } from "./cli";

// Not process.exit(): output that still waits in a pipe would be lost.
runCli(process.argv.slice(2), process).then((code) => {
  process.exitCode = code;
});
