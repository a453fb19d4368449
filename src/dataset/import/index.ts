export { type MappedColumn, parseColumnMapping } from "./columnMapping";
export type { Header } from "./delimited";
export { type ImportOptions, type ImportResult, importDataset } from "./importDataset";
export { type Inspection, inspectSource } from "./inspect";
export { type SourceFormat, sourceFormats } from "./rowSource";
