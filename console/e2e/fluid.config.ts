// Measures how long the page is busy while somebody works with the largest things; it asserts nothing.
import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { include: ['e2e/fluid.ts'], environment: 'node', testTimeout: 240_000, hookTimeout: 60_000 } });
