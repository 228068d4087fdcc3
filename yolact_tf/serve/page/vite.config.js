// Builds the page into ../static: relative paths, so that any folder of any web server can hold it.
import { readFileSync } from "node:fs";
import { defineConfig } from "vite";

const LITERT = "node_modules/@litertjs/core";
// A folder for each version: what has a name of its own may be cached for good.
const folder = `litert-${JSON.parse(readFileSync(`${LITERT}/package.json`, "utf8")).version}/`;
// Which of them a browser loads, LiteRT.js decides. The fourth, with JSPI, only splits models over GPU and CPU.
const RUNTIMES = ["litert_wasm_internal", "litert_wasm_compat_internal", "litert_wasm_threaded_internal"];

const liteRtRuntimes = {
  name: "litert-runtimes",
  generateBundle() {
    for (const file of RUNTIMES.flatMap((name) => [`${name}.js`, `${name}.wasm`])) {
      this.emitFile({ type: "asset", fileName: folder + file, source: readFileSync(`${LITERT}/wasm/${file}`) });
    }
  },
};

export default defineConfig({
  base: "./",
  define: { LITERT_FOLDER: JSON.stringify(folder) },
  plugins: [liteRtRuntimes],
  build: { outDir: "../static", emptyOutDir: true, target: "es2022", modulePreload: { polyfill: false } },
});
