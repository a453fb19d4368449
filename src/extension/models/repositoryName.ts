/** OWNER/NAME from what a user writes or pastes: the name itself, or the address of the model's page; null for neither. */
export function repositoryIn(text: string): string | null {
  const path = text
    .trim()
    .replace(/^https?:\/\/[^/]+\//, "")
    .replace(/[?#].*$/, "");
  const found = /^([A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95})(?:\/(?:(?:tree|blob|resolve)\/.*)?)?$/.exec(path);
  return found?.[1] ?? null;
}
