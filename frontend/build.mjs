// Builds the reading room's pages: src/ → wetread/room/static/ (or the folder given as the first argument).
// Nothing in the output depends on the clock, the machine or the folder it is built in.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "..", "wetread", "room", "static"));

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx" },
  outdir: out,
  bundle: true,
  format: "esm",
  target: ["es2022"],
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
});

const version = async (name) =>
  createHash("sha256").update(await readFile(join(out, name))).digest("hex").slice(0, 12);
const page = await readFile(join(here, "src", "index.html"), "utf8");
await writeFile(
  join(out, "index.html"),
  page
    .replace("{{app.css}}", `/static/app.css?v=${await version("app.css")}`)
    .replace("{{app.js}}", `/static/app.js?v=${await version("app.js")}`),
);
await copyFile(join(here, "src", "favicon.svg"), join(out, "favicon.svg"));
await copyFile(join(here, "THIRD_PARTY.txt"), join(out, "THIRD_PARTY.txt"));
