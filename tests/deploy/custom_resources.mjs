// Reads custom resources (JSON, a list) on standard input; prints what is wrong with each, and ends with 1 if anything is.
// Values are judged by the schemas of the definitions; unknown keys, which those let pass, by the TypeScript compiler.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const packages = {
  "monitoring.coreos.com": "prometheus-operator",
  "networking.istio.io": "istio",
  "security.istio.io": "istio",
  "install.istio.io": "istio",
  "gateway.networking.k8s.io": "gateway-api",
};

let input = "";
for await (const part of process.stdin) input += part;
const documents = JSON.parse(input);
const problems = [];
const lines = ["interface Named { apiVersion: string; kind: string }"];

for (const [index, document] of documents.entries()) {
  const [group] = document.apiVersion.split("/");
  const name = `${document.kind} ${document.metadata.name}`;
  if (!(group in packages)) {
    problems.push(`${name}: no schema of ${document.apiVersion}`);
    continue;
  }
  const module = `@kubernetes-models/${packages[group]}/${document.apiVersion}/${document.kind}`;
  const { [document.kind]: Model } = await import(module);
  try {
    new Model(document).validate();
  } catch (problem) {
    problems.push(`${name}: ${problem.message}`);
  }
  lines.push(`import { I${document.kind} as T${index} } from "${module}";`);
  lines.push(`export const d${index}: T${index} & Named = ${JSON.stringify(document, null, 1)};`);
}

const directory = mkdtempSync(path.join(here, ".resources-"));
try {
  const file = path.join(directory, "resources.ts");
  writeFileSync(file, lines.join("\n"));
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022"];
  const compiler = path.join(here, "node_modules/typescript/bin/tsc");
  const compiled = spawnSync(process.execPath, [compiler, ...options, file], { encoding: "utf8" });
  if (compiled.status !== 0) problems.push(compiled.stdout + compiled.stderr);
} finally {
  rmSync(directory, { recursive: true });
}
for (const problem of problems) console.log(problem);
process.exitCode = problems.length ? 1 : 0;
