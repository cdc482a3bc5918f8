import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { loggerTo } from '../../src/infrastructure/json-logger.js';
import { systemClock } from '../../src/infrastructure/system-clock.js';
import { KernelError } from '../../src/model/errors.js';

function recorded(level: 'info' | 'debug' = 'info') {
  const lines: Record<string, unknown>[] = [];
  const log = loggerTo({ write: (line: string) => void lines.push(JSON.parse(line)) }, level);
  return { lines, log };
}

test('a line is JSON with time, level, fields and message', () => {
  const { lines, log } = recorded();
  log.child({ networkId: 'n1' }).info({ durationMs: 3 }, 'endpoint created');
  expect(lines).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      networkId: 'n1',
      durationMs: 3,
      msg: 'endpoint created',
    },
  ]);
});

test('an error is one text with its causes', () => {
  const { lines, log } = recorded();
  log.error({ error: new KernelError('cannot set the route', 'x', { cause: new Error('No such device') }) }, 'failed');
  expect(lines[0]?.['error']).toBe('cannot set the route: No such device');
});

test('lines below the level are not written', () => {
  const { lines, log } = recorded();
  log.debug({}, 'why');
  expect(lines).toEqual([]);
});

test('the last words of a process that exits at once are on standard error', () => {
  const module = fileURLToPath(new URL('../../src/infrastructure/json-logger.js', import.meta.url));
  const script = `import { createLogger } from ${JSON.stringify(module)};
    const log = await createLogger({ level: 'info', format: process.argv[1] });
    log.info({ a: 1 }, 'last words'); process.exit(0);`;
  const run = (format: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script, format], { encoding: 'utf8' });
  expect(JSON.parse(run('auto').stderr)).toMatchObject({ level: 'info', a: 1, msg: 'last words' });
  expect(run('pretty').stderr).toMatch(/INFO.*: last words\n\s+a: 1/);
});

test('an aborted sleep ends at once, without failing', async () => {
  const abort = new AbortController();
  const sleeping = systemClock.sleep(60_000, abort.signal);
  abort.abort();
  await expect(sleeping).resolves.toBeUndefined();
});
