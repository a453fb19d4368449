export { type ConvertResult, convertDataset, writableFormats } from "./convertDataset";
export { type Conversion, convertRow } from "./convertRow";
