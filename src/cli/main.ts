import { endOnBrokenPipe } from "./brokenPipe";
import { runCli } from "./cli";

endOnBrokenPipe([process.stdout, process.stderr], (code) => process.exit(code));
// Not process.exit(): output that still waits in a pipe would be lost.
runCli(process.argv.slice(2), process).then((code) => {
  process.exitCode = code;
});
