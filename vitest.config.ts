import { defineConfig } from 'vitest/config';

const real = ['test/contract/**/*.test.ts', 'test/e2e/**/*.test.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'pure',
          include: ['test/**/*.test.ts'],
          exclude: real,
          maxWorkers: 2,
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // The real control planes, Redis and Git host are started once, and only when one of these files is run.
        test: {
          name: 'real',
          include: real,
          globalSetup: 'test/real-parts.ts',
          fileParallelism: false,
          testTimeout: 90_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
