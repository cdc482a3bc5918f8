import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import type { Logger } from '../../src/effects/logger.js';
import { ConflictError, InternalError } from '../../src/model/errors.js';
import type { CallContext } from '../../src/protocol/call.js';
import { pluginApp } from '../../src/server/plugin-app.js';
import type { PluginHandlers } from '../../src/server/plugin-methods.js';

type Line = { readonly level: string; readonly message: string } & Record<string, unknown>;

const NETWORK = 'a'.repeat(64);
const ENDPOINT = 'b'.repeat(64);
const LEAVE = { NetworkID: NETWORK, EndpointID: ENDPOINT };

let server: Server;
afterEach(() => new Promise((resolve) => server.close(resolve)));

/** An app of which only Leave does anything. */
async function start(leave: (context: CallContext) => Promise<object>, deadlineMs = 1_000) {
  const lines: Line[] = [];
  const logger = (bound: object): Logger => {
    const at = (level: string) => (fields: object, message: string) =>
      lines.push({ level, message, ...bound, ...fields } as Line);
    return {
      error: at('error'),
      warn: at('warn'),
      info: at('info'),
      debug: at('debug'),
      child: (fields) => logger({ ...bound, ...fields }),
    };
  };
  const nothing = async () => ({});
  const networkDriver = new Proxy(
    {},
    {
      get: (_, method) => (method === 'Leave' ? (_request: unknown, context: CallContext) => leave(context) : nothing),
    },
  );
  const handlers = { networkDriver, ipamDriver: new Proxy({}, { get: () => nothing }) } as unknown as PluginHandlers;
  const observed: object[] = [];
  const { app, idle } = pluginApp({ handlers, log: logger({}), deadlineMs, observe: (call) => observed.push(call) });
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const post = async (path: string, body: unknown) => {
    const reply = await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) });
    return { status: reply.status, length: reply.headers.get('content-length'), text: await reply.text() };
  };
  return { post, lines, observed, idle, url };
}

test('each request is one log line: method, ids, duration, outcome', async () => {
  const { post, lines, observed } = await start(async () => ({}));
  expect(await post('/NetworkDriver.Leave', LEAVE)).toEqual({ status: 200, length: '2', text: '{}' });
  expect(lines).toEqual([
    {
      level: 'info',
      message: 'request',
      call: 1,
      method: 'NetworkDriver.Leave',
      networkId: NETWORK,
      endpointId: ENDPOINT,
      ms: expect.any(Number),
      outcome: 'ok',
    },
  ]);
  expect(observed).toEqual([{ method: 'NetworkDriver.Leave', ms: expect.any(Number), outcome: 'ok' }]);
});

test('what the user can cure is a warning, what is our fault an error with its stack', async () => {
  const failures = [new ConflictError('taken by db'), new InternalError('an invariant broke'), new TypeError('oops')];
  const { post, lines } = await start(async () => {
    throw failures.shift();
  });
  const texts = [];
  for (let call = 1; call <= 3; call++) texts.push((await post('/NetworkDriver.Leave', LEAVE)).text);
  expect(texts.map((text) => JSON.parse(text))).toEqual([
    { Err: 'taken by db' },
    { Err: 'an invariant broke' },
    { Err: "internal error: oops; the daemon's log has more" },
  ]);
  expect(lines).toMatchObject([
    { level: 'warn', outcome: 'ConflictError', error: 'taken by db' },
    { level: 'error', outcome: 'InternalError', stack: expect.any(String) },
    { level: 'error', outcome: 'TypeError', stack: expect.any(String) },
  ]);
});

test('at the deadline the caller is answered, the handler is told, and idle waits for its undoing', async () => {
  let undone = false;
  let undo: () => void = () => {};
  const { post, idle } = await start(async ({ signal }) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    await new Promise<void>((resolve) => {
      undo = resolve;
    });
    undone = true;
    throw signal.reason;
  }, 50);
  const { status, text } = await post('/NetworkDriver.Leave', LEAVE);
  expect([status, JSON.parse(text)]).toEqual([
    200,
    { Err: expect.stringContaining('NetworkDriver.Leave did not end within 50 ms and is being undone; try again') },
  ]);
  const waiting = idle();
  expect(undone).toBe(false);
  undo();
  await waiting;
  expect(undone).toBe(true);
});

test('another verb than POST, and a handler that throws before it waits, are answered in words', async () => {
  const { post, url } = await start(() => {
    throw new TypeError('at once');
  });
  expect((await fetch(`${url}/NetworkDriver.Leave`)).status).toBe(405);
  expect((await post('/NetworkDriver.Leave', LEAVE)).text).toMatch(/at once/);
});
