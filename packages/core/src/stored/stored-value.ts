/** The values in the page cache's store. */
import type { EntryHead } from "../store/contract.js";
import { decodeCodedBody } from "./coded-body.js";
import type { CodedBody } from "./coded-body.js";
import { decodeFragment } from "./stored-fragment.js";
import type { StoredFragment } from "./stored-fragment.js";
import { decodeResponse } from "./stored-response.js";
import type { StoredResponse } from "./stored-response.js";
import { decodeSearchAlias, decodeSearchRecord, decodeVaryRecord } from "./selection-records.js";
import type { SearchAlias, SearchRecord, VaryRecord } from "./selection-records.js";

export type StoredValue = StoredResponse | VaryRecord | SearchRecord | SearchAlias | StoredFragment | CodedBody;

/** @throws {Error} when the text was not written by this version: the store counts that as damage */
export function decodeStoredValue({ meta }: EntryHead): StoredValue {
  const lines = meta.split("\n");
  if (lines[0] === "r" || lines[0]?.startsWith("r ") === true) return decodeResponse(meta, lines);
  if (lines[0] === "v") return decodeVaryRecord(lines);
  if (lines[0] === "s") return decodeSearchRecord(lines);
  if (lines[0] === "a") return decodeSearchAlias(lines);
  if (lines[0] === "f") return decodeFragment(lines);
  if (lines[0] === "c") return decodeCodedBody(lines);
  throw new Error("neither a response, a coded body nor a fragment, nor a record of where to find one");
}
