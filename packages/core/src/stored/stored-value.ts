/** The two things that lie in the page cache's store. */
import type { EntryHead } from "../store/contract.js";
import { decodeResponse } from "./stored-response.js";
import type { StoredResponse } from "./stored-response.js";
import { decodeVaryRecord } from "./vary-record.js";
import type { VaryRecord } from "./vary-record.js";

export type StoredValue = StoredResponse | VaryRecord;

/** @throws {Error} when the text was not written by this version: the store counts that as damage */
export function decodeStoredValue({ meta }: EntryHead): StoredValue {
  const lines = meta.split("\n");
  if (lines[0] === "r") return decodeResponse(lines);
  if (lines[0] === "v") return decodeVaryRecord(lines);
  throw new Error("neither a response nor a variant record");
}
