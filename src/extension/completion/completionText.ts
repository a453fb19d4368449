/** What is decided about a request by the cursor's own line. Pure. */

/** At most this much of the file goes to the worker: more than any context holds. */
export const PREFIX_CHARACTERS = 24_000;
export const SUFFIX_CHARACTERS = 8_000;

const COMPOUND = /^\s*(?:async\s+)?(?:if|elif|else|for|while|def|class|with|try|except|finally|match|case)\b/;

/** Whether the line ends a block's header, of one line or of several. */
export function endsHeader(linePrefix: string): boolean {
  return /:\s*$/.test(linePrefix) && (COMPOUND.test(linePrefix) || /^\s*[)\]}]/.test(linePrefix));
}
