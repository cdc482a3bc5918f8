import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from '@jest/globals';

/** Tools without which no lab host can be made. */
const LAB_TOOLS = [
  'dockerd',
  'containerd',
  'docker',
  'nsenter',
  'unshare',
  'busybox',
  'ip',
  'iptables',
  'ipset',
  'curl',
];

/** What this machine lacks for a test that needs root and `tools`; empty when it can run. */
export function missingFor(tools: readonly string[]): readonly string[] {
  const absent = tools.filter((tool) => !isOnPath(tool)).map((tool) => `the program ${tool}`);
  return process.getuid?.() === 0 ? absent : ['root', ...absent];
}

/** `describe` where a lab can be made; elsewhere its tests are skipped, and a line says why. */
export function describeInLab(name: string, tests: () => void, moreTools: readonly string[] = []): void {
  const missing = missingFor([...LAB_TOOLS, ...moreTools]);
  if (missing.length === 0) {
    describe(name, tests);
    return;
  }
  process.stderr.write(`SKIPPED ${name}: this machine lacks ${missing.join(', ')}\n`);
  describe.skip(name, tests);
}

function isOnPath(tool: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
