import { Severities } from "../dataset/checks/severities";
import type { DialectChoice } from "../dataset/formats/detect";
import { formats } from "../dataset/formats/registry";
import { type LengthCheck, type LoadTokenizer, lengthCheckFor } from "./lengthCheck";
import { DEFAULT_SETTINGS, dataSetSettings, readSettings } from "./settings";

/** The settings as they are now, with what is made of them. */
export class CurrentSettings {
  current = DEFAULT_SETTINGS;
  severities = new Severities();
  lengthCheck: LengthCheck | null = null;

  constructor(private readonly load: LoadTokenizer) {}

  /** False: nothing has changed. */
  set(sent: unknown): boolean {
    const next = readSettings(sent);
    const before = this.current;
    if (JSON.stringify(next) === JSON.stringify(before)) return false;
    this.current = next;
    this.severities = new Severities(next.checks);
    const sameLength = next.sequenceLength === before.sequenceLength && next.tokenizerPath === before.tokenizerPath;
    if (!sameLength) this.lengthCheck = lengthCheckFor(next, this.load);
    return true;
  }

  /** How the settings say that a file's rows are written; what does not fit any format is left out. */
  dialectChoice(uri: string): DialectChoice {
    const { format, fields } = dataSetSettings(this.current, uri);
    const known = formats.find(({ id }) => id === format);
    const mapped = Object.entries(fields ?? {}).filter(([part, path]) => {
      const fitting = known ? [known] : formats;
      return path !== "" && fitting.some(({ parts }) => parts.some(({ name }) => name === part));
    });
    return { format: known?.id ?? "auto", mapping: Object.fromEntries(mapped) };
  }
}
