/** Code is not run, since it could not be enclosed. The message is one sentence for the user: why, and what would help. */
export class SandboxRefused extends Error {
  override name = "SandboxRefused";
}
