/**
 * "needs-token": a token, or another one, may help. "no-access": the token's account must be let in first.
 * "transient": the same request may succeed later.
 */
export type HubErrorKind = "needs-token" | "no-access" | "transient" | "final";

/** What went wrong with the Hub, in one sentence for the user: what; what to do. It never holds the token. */
export class HubError extends Error {
  override name = "HubError";

  constructor(
    readonly kind: HubErrorKind,
    message: string,
    /** How long the server asks to wait, in milliseconds; null where it does not say. */
    readonly retryAfterMs: number | null = null,
  ) {
    super(message);
  }

  /** What went wrong, without what to do about it and without a full stop. */
  get what(): string {
    return this.message.replace(/(;.*)?\.$/, "");
  }
}

const networkCauses: Record<string, string> = {
  ECONNREFUSED: "refuses connections",
  ECONNRESET: "broke the connection",
  EPIPE: "broke the connection",
  ERR_STREAM_PREMATURE_CLOSE: "broke the connection",
  ETIMEDOUT: "does not answer",
  ENOTFOUND: "cannot be found",
  EAI_AGAIN: "cannot be found",
  ENETUNREACH: "cannot be reached",
  EHOSTUNREACH: "cannot be reached",
};

/** A failure below HTTP. A certificate that cannot be trusted stays so, everything else may pass. */
export function networkError(error: unknown, host: string): HubError {
  if (error instanceof HubError) return error;
  const code = (error as NodeJS.ErrnoException | null)?.code ?? "";
  if (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code)) {
    return new HubError(
      "final",
      `${host} shows a certificate that is not trusted (${code}); if a proxy inspects your traffic, add its certificate with NODE_EXTRA_CA_CERTS.`,
    );
  }
  if (code.startsWith("HPE_")) return new HubError("transient", `${host} does not speak HTTP as it should (${code}).`);
  const cause = networkCauses[code] ?? `cannot be reached (${code === "" ? "unknown cause" : code})`;
  return new HubError("transient", `${host} ${cause}; check your connection, proxy and endpoint, and try again.`);
}
