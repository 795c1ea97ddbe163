/** Writes what each package exports to docs/api/<package>.api.md, so that a change of the public API shows in review. `--check` only compares. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { PACKAGES } from "./pack.mjs";
import { root } from "./pnpm.mjs";

const checkOnly = process.argv.includes("--check");
const reports = join(root, "docs", "api");
const temporary = mkdtempSync(join(tmpdir(), "diskcache-api-"));
mkdirSync(reports, { recursive: true });

try {
  for (const name of PACKAGES) {
    const { apiReportChanged, errorCount } = Extractor.invoke(configuration(name), {
      localBuild: !checkOnly,
      messageCallback: (message) => {
        // Its own compiler is older than ours and says so; that the reports differ is told below.
        if (message.messageId.startsWith("console-")) message.logLevel = ExtractorLogLevel.None;
      },
    });
    if (apiReportChanged)
      console.log(`docs/api/${name}.api.md ${checkOnly ? "is out of date: `npm run api` writes it" : "written"}`);
    if (errorCount > 0 || (apiReportChanged && checkOnly)) process.exitCode = 1;
  }
} finally {
  rmSync(temporary, { recursive: true });
}

function configuration(name) {
  const folder = join(root, "packages", name);
  return ExtractorConfig.prepare({
    packageJsonFullPath: join(folder, "package.json"),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: join(folder, "dist", "index.d.ts"),
      newlineKind: "lf",
      // The built declarations, as a user's compiler would resolve them: without the source condition of the tests.
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: "es2022",
            lib: ["es2023"],
            module: "nodenext",
            moduleResolution: "nodenext",
            types: ["node"],
            strict: true,
            skipLibCheck: true,
          },
          files: ["dist/index.d.ts"],
        },
      },
      apiReport: {
        enabled: true,
        reportFolder: reports,
        reportTempFolder: temporary,
        reportFileName: `${name}.api.md`,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        // No release tags here: what is exported is public. A type that is used and not exported is noted in the report. The syntax of
        // doc comments is TypeScript's, not TSDoc's.
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.None },
          "ae-forgotten-export": { logLevel: ExtractorLogLevel.Warning, addToApiReportFile: true },
        },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  });
}
