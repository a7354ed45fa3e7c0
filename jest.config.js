/** Jest runs the TypeScript sources as ES modules through swc, with the decorator settings that tsc uses. */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  // Kills of whole processes take minutes: they run in `npm run test:long`.
  testPathIgnorePatterns: [
    '/node_modules/',
    ...(process.env.HABEAS_LONG ? [] : ['/test/faults/(alive|import-killed|killed|lease|under-load)']),
  ],
  setupFiles: ['<rootDir>/test/support/seeds.ts'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  testTimeout: 60_000,
  // One more than the machine has cores: some tests wait, for a seal, a lease or a clock.
  maxWorkers: 3,
  // The modules of a suite stay in the heap of its worker, and an old worker takes three times as long for the same tests: it is replaced.
  workerIdleMemoryLimit: '500MB',
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
};
