import { expect, test } from '@jest/globals';
import { afterReady } from '../../src/composition/after-ready.js';
import { silentLogger } from '../../src/effects/logger.js';
import type { CallContext } from '../../src/protocol/call.js';

function aGate() {
  const calls: unknown[] = [];
  let open = () => {};
  let shut = (_: Error) => {};
  const ready = new Promise<void>((resolve, reject) => {
    open = resolve;
    shut = reject;
  });
  const { Join } = afterReady(
    {
      Join: async (request: string, _: CallContext) => {
        calls.push(request);
        return `joined ${request}`;
      },
    },
    ready,
  );
  const abort = new AbortController();
  const call = () => Join('a', { signal: abort.signal, log: silentLogger });
  return { calls, open, shut, abort, call };
}

test('a call waits until the records are in force, and is answered then', async () => {
  const gate = aGate();
  const reply = gate.call();
  await Promise.resolve();
  expect(gate.calls).toEqual([]);
  gate.open();
  expect(await reply).toBe('joined a');
});

test('a call whose deadline passed while it waited does nothing any more', async () => {
  const gate = aGate();
  const reply = gate.call();
  gate.abort.abort(new Error('too late'));
  gate.open();
  await expect(reply).rejects.toThrow('too late');
  expect(gate.calls).toEqual([]);
});

test('a start that fails is told to every call', async () => {
  const gate = aGate();
  const reply = gate.call();
  gate.shut(new Error('the kernel refused'));
  await expect(reply).rejects.toThrow('the kernel refused');
  await expect(gate.call()).rejects.toThrow('the kernel refused');
});
