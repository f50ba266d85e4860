// Builds the console into dist/, which the binary embeds. It must not know where the console is served from:
// everything is on one origin, and in development the API is asked at OUTCROP_URL.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [react()],
  build: { target: 'es2022', outDir: 'dist', emptyOutDir: true, cssCodeSplit: true, assetsInlineLimit: 0, reportCompressedSize: true, modulePreload: { polyfill: false } },
  server: { proxy: { '/api': process.env.OUTCROP_URL ?? 'http://127.0.0.1:4318', '/readyz': process.env.OUTCROP_URL ?? 'http://127.0.0.1:4318', '/metrics': process.env.OUTCROP_URL ?? 'http://127.0.0.1:4318' } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
