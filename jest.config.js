export default {
  testEnvironment: 'node',
  // Wraps what outlives a test file in one more proxy for each file: after many in one process the stack ends.
  testEnvironmentOptions: { globalsCleanup: 'off' },
  roots: ['<rootDir>/build/test'],
  testMatch: ['**/*.test.js'],
  transform: {},
  testTimeout: 30_000,
};
