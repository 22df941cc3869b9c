import { defineConfig } from 'vitest/config';

const contract = ['test/contract/**/*.test.ts'];
const e2e = ['test/e2e/**/*.test.ts'];

// The limits end what hangs; they promise no speed. A machine that gives half of its time to others must not fail a test.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'pure',
          include: ['test/**/*.test.ts'],
          exclude: [...contract, ...e2e],
          maxWorkers: 2,
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // The real control planes, Redis and Git host are started once, and only when one of these files is run.
        test: {
          name: 'real',
          include: contract,
          globalSetup: 'test/real-parts.ts',
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Each file starts a world of its own: Sluice beside the parts that it needs.
        test: {
          name: 'e2e',
          include: e2e,
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 400_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
