/** Writes what each entry point exports to docs/api/<package>.api.md, so that a change of the public API shows in review. `--check` only compares. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { entriesOf, folderOf, PACKAGES } from "./packages.mjs";
import { root } from "./pnpm.mjs";

/** The entry points: of which package, its declarations as the compiler has made them, and the name of the report. */
const ENTRIES = PACKAGES.flatMap((name) =>
  entriesOf(name).map(({ path, source }) => ({
    name,
    entry: `${source.replace(/^src\//, "build/")}.d.ts`,
    report: path === "." ? name : path.replace("./", `${name}.`),
  })),
);

const checkOnly = process.argv.includes("--check");
const reports = join(root, "docs", "api");
const temporary = mkdtempSync(join(tmpdir(), "diskcache-api-"));
mkdirSync(reports, { recursive: true });

try {
  for (const entry of ENTRIES) {
    const { apiReportChanged, errorCount } = Extractor.invoke(configuration(entry), {
      localBuild: !checkOnly,
      messageCallback: (message) => {
        // Its own compiler is older than ours and says so; that the reports differ is told below.
        if (message.messageId.startsWith("console-")) message.logLevel = ExtractorLogLevel.None;
      },
    });
    if (apiReportChanged)
      console.log(
        `docs/api/${entry.report}.api.md ${checkOnly ? "is out of date: `npm run api` writes it" : "written"}`,
      );
    if (errorCount > 0 || (apiReportChanged && checkOnly)) process.exitCode = 1;
  }
} finally {
  rmSync(temporary, { recursive: true });
}

function configuration({ name, entry, report }) {
  const folder = folderOf(name);
  return ExtractorConfig.prepare({
    packageJsonFullPath: join(folder, "package.json"),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: join(folder, entry),
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
          files: [entry],
        },
      },
      apiReport: {
        enabled: true,
        reportFolder: reports,
        reportTempFolder: temporary,
        reportFileName: `${report}.api.md`,
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
