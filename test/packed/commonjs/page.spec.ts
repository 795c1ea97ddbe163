/** A test as Nest's starter has them. */
import { refuses, secondAnswer } from "./page";

declare const test: (name: string, body: () => Promise<void>) => void;
declare const expect: (value: unknown) => { toBe(expected: unknown): void };

test("a page is cached", async () => {
  expect(await secondAnswer("pages-ts-jest")).toBe("hit");
  expect(refuses({})).toBe(true);
});
