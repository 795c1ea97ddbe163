/** The application by itself; it fails where the store's cases have no types. */
import type { StoreCase } from "@diskcache/core/store-suite";
import { refuses, secondAnswer } from "./page.js";

const cases: readonly StoreCase[] = [];
if (cases.length > 0 || !refuses({ dirr: "pages" })) throw new Error("not refused");
void secondAnswer("pages").then((answer) => console.log(answer));
