import { openArrow } from "./arrow/source";
import { type Header, openDelimited } from "./delimited";
import { openJson } from "./json/source";
import { openParquet } from "./parquet/source";
import type { ReadOptions, RowSource, SourcePart } from "./rowSource";

export function openSource(part: SourcePart, header: Header, options: ReadOptions): Promise<RowSource> {
  switch (part.format) {
    case "parquet":
      return openParquet(part, options);
    case "arrow":
      return openArrow(part, options);
    case "csv":
    case "tsv":
      return openDelimited(part, header, options);
    case "json":
      return openJson(part, options);
  }
}
