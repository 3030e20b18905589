import { defineConfig } from "vite";

// The result is shipped inside the wheel: see tools/web.py, which calls this, and docs/adr/062.
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../src/kubewright/dashboard/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
