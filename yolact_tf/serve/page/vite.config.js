// Builds the page into ../static: relative paths, so that any folder of any web server can hold it.
import { readFileSync } from "node:fs";
import { defineConfig } from "vite";

// Which of them a browser loads, LiteRT.js decides. The fourth, with JSPI, only splits models over GPU and CPU.
const RUNTIMES = ["litert_wasm_internal", "litert_wasm_compat_internal", "litert_wasm_threaded_internal"];

const liteRtRuntimes = {
  name: "litert-runtimes",
  generateBundle() {
    for (const file of RUNTIMES.flatMap((name) => [`${name}.js`, `${name}.wasm`])) {
      const source = readFileSync(`node_modules/@litertjs/core/wasm/${file}`);
      this.emitFile({ type: "asset", fileName: `litert/${file}`, source });
    }
  },
};

export default defineConfig({
  base: "./",
  plugins: [liteRtRuntimes],
  build: { outDir: "../static", emptyOutDir: true, target: "es2022", modulePreload: { polyfill: false } },
});
