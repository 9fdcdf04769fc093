import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The page: built into web/dist, which the server serves. `npx vite` develops it against a server on port 8420. */
export default defineConfig({
  root: "web",
  // Relative addresses: the page may live below a path (JupyterHub, a proxy).
  base: "./",
  plugins: [react()],
  // No inlined assets: the page's content policy allows files of this server only.
  build: { outDir: "dist", emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  worker: { format: "es" },
  server: { proxy: { "/api": "http://127.0.0.1:8420" } },
});
