import { matchesWildcards } from "./wildcards";

/**
 * `*` stands for anything within a folder's or file's name, `**` for any folders; the glob may begin at any folder. Takes
 * time in proportion to both lengths multiplied.
 */
export function matchesGlob(path: string, glob: string): boolean {
  const parts = ["**", ...glob.replace(/^\.?\//, "").split("/")];
  return matchesWildcards(parts, path.split("/"), (part) => part === "**", matchesName);
}

function matchesName(pattern: string, name: string): boolean {
  const fits = (token: string, character: string) => token === "?" || token === character;
  return matchesWildcards([...pattern], [...name], (token) => token === "*", fits);
}
