// Screenshots of each state in both themes, for the documents and for looking at them beside the drawings.
import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { include: ['e2e/shots.ts'], environment: 'node', testTimeout: 240_000, hookTimeout: 60_000 } });
