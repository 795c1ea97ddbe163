import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Tests run on src/, unbuilt: the packages' `exports` name it under this condition, which the packed tarballs leave out.
// Nothing but it and "node": given "import" or "module", a require() inside a CommonJS dependency would be handed an ES module.
const conditions = ["diskcache-source", "node"];

/* `npm run test:quick`: what a change needs before a commit. Left to the whole run: what waits for other processes, for disks of a size or for
 * thousands of requests, what compiles, packs and installs, programs that are generated, and of each room the files that cost most where others
 * stand beside them. The shared suite runs on one framework of each way of capturing a response (`test/adapters/adapters.ts`). */
const QUICK = process.env["DISKCACHE_TEST"] === "quick";
const LONG = [
  "examples/**",
  "test/{conformance,examples,fuzz,model,packed}/**",
  "**/processes.test.ts",
  "test/docs/documentation.test.ts",
  "test/flights/{changing-processes,fragments,placing,refused,slow-clients,warm}.test.ts",
  "test/rfc9111/{content-readers,keyed-content}.test.ts",
  "test/security/{audit-copies,audit-unseen,canaries,cut-short,floods,late-cookies,poisoning,sealed-files,sessions}.test.ts",
  "test/store/{bounds,crash/crash,faults,litter,removed-release,short-of-space,slow-disk,small-file-system,stress/stress,tiny-disk,traps,without-times}.test.ts",
  "test/low-level/{closing,keyv,many-values,memoize,old-values}.test.ts",
  "test/adapters/{closing,compress-shared,http2,http2-requests,http2-writing,koa-bodies,koa-heads,leaving,lent-bodies,nested,past-koa}.test.ts",
  "test/{redis,tier}/**",
  "test/adapters/{handle,held,purger,reasons,restart,rewritten,shared-shape,superseded,together,unread-bodies,vary}.test.ts",
];

/* Functions from values to values: no file, no server, no process, nothing of Vitest's that one file could leave for the next. They share a process,
 * because starting one takes longer than most of these files do. Every other file has a process of its own. */
const FUNCTIONS = [
  "packages/core/src/{base,http,key,options,stored}/**/*.test.ts",
  "packages/core/src/features/{coding/{coded-head,encode,negotiation},fragments/fragment-key,holes/cut,low-level/{exclusive,value-codec}}.test.ts",
  "packages/core/src/forward/{handler-directives,hit-for-miss,late-refusal,response-fields}.test.ts",
  "packages/core/src/store/{bounds/limits,entries/format,log/chain,memory-tier,paths}.test.ts",
  "packages/http/src/header-groups.test.ts",
  "test/{rfc9211,rfc9651}/**/*.test.ts",
];
const NOWHERE = ["**/node_modules/**", "**/dist/**", "**/.cache/**"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["diskcache-source"] } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "functions",
          isolate: false,
          setupFiles: ["test/support/fixed-seed.ts"],
          include: FUNCTIONS,
          exclude: NOWHERE,
        },
      },
      {
        extends: true,
        test: {
          name: "processes",
          include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
          exclude: [...NOWHERE, ...FUNCTIONS, ...(QUICK ? LONG : [])],
        },
      },
    ],
    globalSetup: ["test/support/memory-directory.ts"],
    setupFiles: ["test/support/setup.ts"],
    reporters: ["default", "./test/support/summary-reporter.ts"],
    restoreMocks: true,
    // Many tests start servers and processes of their own, so there is no gain in more workers than cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // A limit for what hangs, not a measure of speed: a busy two-core machine is to pass too.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts"],
      exclude: ["**/*.test.ts"],
      reporter: ["text-summary"],
    },
  },
});
