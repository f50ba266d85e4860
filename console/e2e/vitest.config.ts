// Browser tests: one file after the other, because each starts a server and a browser.
import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { include: ['e2e/*.test.ts'], environment: 'node', fileParallelism: false, testTimeout: 60_000, hookTimeout: 60_000, expect: { poll: { timeout: 15_000 } } } });
