/** One process that makes fragments when the test says so: what `fragments.test.ts` starts and kills. */
import { diskCache } from "@diskcache/http";

/** Told to `use`, it asks for the fragment and says what it got; it says when it is asked to make it, and makes it when
 * it is told to. */
export async function main(dir: string): Promise<void> {
  // Nobody's patience is to end in the place of what a test waits for.
  const cache = diskCache({ dir, flight: { timeout: "1m" } });
  const waiting: (() => void)[] = [];
  const use = async (): Promise<void> => {
    const got = await cache.fragment("news", [], { ttl: "1h", tags: ["news"] }, async () => {
      process.send!({ making: true });
      await new Promise<void>((resolve) => waiting.push(resolve));
      return `by ${process.pid}`;
    });
    process.send!({ got });
  };
  process.on("message", ({ command }: { readonly command: "use" | "make" }) => {
    if (command === "use") void use();
    else for (const make of waiting.splice(0)) make();
  });
  process.on("disconnect", () => process.exit());
  // Opens the directory: from here on the others know that it is there.
  await cache.fragment("opening", [], "1h", () => "opened");
  process.send!({ ready: true });
}
