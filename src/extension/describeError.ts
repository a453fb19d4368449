/** The sentence to show. Product code throws errors whose message is made for the user. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
