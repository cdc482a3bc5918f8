import express, { type Express, type Request, type Response } from 'express';
import type { Logger } from '../effects/logger.js';
import {
  ConflictError,
  CorduroyError,
  DeadlineExceededError,
  describeError,
  InternalError,
  InvalidRequestError,
  NotFoundError,
} from '../model/errors.js';
import { errorReply, failureReply } from '../protocol/error-response.js';
import { type PluginHandlers, type PluginMethod, pluginMethods } from './plugin-methods.js';
import { readBody } from './read-body.js';

/** Docker waits for a plugin without any limit of its own; a hanging call hangs the command, and a lock of the engine. */
const DEFAULT_DEADLINE_MS = 1_950;
/** Docker's largest request, with all 65,535 ports published, has 7.3 MB; ordinary ones have some 300 bytes. */
const BODY_LIMIT_BYTES = 8 * 1024 * 1024;

const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.2+json';
const LOGGED_FIELDS = { NetworkID: 'networkId', EndpointID: 'endpointId', PoolID: 'poolId', Address: 'address' };

export interface PluginApp {
  readonly app: Express;
  /** Resolves when no call is in progress, those included that were answered at their deadline and still undo. */
  idle(): Promise<void>;
}

export interface CallObservation {
  readonly method: string;
  readonly ms: number;
  readonly outcome: 'ok' | 'error';
}

export interface PluginAppOptions {
  readonly handlers: PluginHandlers;
  readonly log: Logger;
  readonly deadlineMs?: number;
  /** What is down that calls wait for, if anything: a call that did not end in time names it. */
  readonly hindrance?: () => string | undefined;
  /** Told of every answered request, for metrics. */
  readonly observe?: (call: CallObservation) => void;
}

interface Answer {
  readonly status: number;
  readonly body: object;
  readonly error?: unknown;
  /** The connection has something on it that is no request. */
  readonly closes?: boolean;
}

/** Docker's plugin API over HTTP: each request is read, handled within its deadline, answered, and told in one log line. */
export function pluginApp(options: PluginAppOptions): PluginApp {
  const { handlers, log, deadlineMs = DEFAULT_DEADLINE_MS, hindrance = () => undefined, observe } = options;
  const methods = pluginMethods(handlers);
  const inFlight = new Set<Promise<unknown>>();
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  let calls = 0;

  app.use(async (request: Request, response: Response) => {
    const started = performance.now();
    const method = request.path.slice(1, 100);
    const callLog = log.child({ call: ++calls, method });
    const { answer, ids } = await answerTo(request, methods.get(request.path), {
      callLog,
      deadlineMs,
      hindrance,
      inFlight,
    });
    send(response, answer);
    const ms = Math.round((performance.now() - started) * 100) / 100;
    logCall(callLog, answer, { ...ids, ms });
    observe?.({ method: methods.has(request.path) ? method : 'unknown', ms, outcome: answer.error ? 'error' : 'ok' });
  });

  const idle = async () => {
    while (inFlight.size > 0) await Promise.allSettled(inFlight);
  };
  return { app, idle };
}

interface CallEnvironment {
  readonly callLog: Logger;
  readonly deadlineMs: number;
  readonly hindrance: () => string | undefined;
  readonly inFlight: Set<Promise<unknown>>;
}

async function answerTo(
  request: Request,
  method: PluginMethod | undefined,
  environment: CallEnvironment,
): Promise<{ readonly answer: Answer; readonly ids?: object }> {
  const body = await readBody(request, BODY_LIMIT_BYTES);
  if (method === undefined) {
    const error = new NotFoundError(
      `${request.path.slice(0, 100)} is not a method of this plugin; it has those of Docker's NetworkDriver and IpamDriver`,
    );
    return { answer: failure(404, error) };
  }
  if (request.method !== 'POST') {
    return { answer: failure(405, new InvalidRequestError(`${request.path} is called with POST`)) };
  }
  if (body.kind === 'tooLarge') {
    const error = new InvalidRequestError(
      `the request is larger than ${BODY_LIMIT_BYTES} bytes, and was not read; give fewer or shorter options in one command`,
    );
    return { answer: { ...failure(413, error), closes: body.unread } };
  }
  if (method.kind === 'constant') return { answer: { status: 200, body: method.reply } };
  let ids: object = {};
  let run: ReturnType<typeof method.prepare>;
  try {
    const json = parseJson(body.text);
    ids = idsOf(json);
    run = method.prepare(json);
  } catch (error) {
    return { answer: failure(400, error), ids };
  }
  try {
    return { answer: { status: 200, body: await withDeadline(run, request.path.slice(1), environment) }, ids };
  } catch (error) {
    return { answer: { status: 200, body: errorReply(method.subsystem, messageOf(error)), error }, ids };
  }
}

/** The handler's own result or error if it comes in time. A late handler is told by its signal, and goes on undoing. */
async function withDeadline(
  run: (context: { readonly signal: AbortSignal; readonly log: Logger }) => Promise<object>,
  method: string,
  { callLog, deadlineMs, hindrance, inFlight }: CallEnvironment,
): Promise<object> {
  const controller = new AbortController();
  const handling = run({ signal: controller.signal, log: callLog });
  const tracked = handling.catch(() => {}).finally(() => inFlight.delete(tracked));
  inFlight.add(tracked);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const why = hindrance();
      const remedy = why === undefined ? '; try again, and see "corduroy status" if it stays so' : `: ${why}`;
      const error = new DeadlineExceededError(
        `${method} did not end within ${deadlineMs} ms and is being undone${remedy}`,
      );
      // First, so that this answer wins over whatever the handler throws on abort.
      reject(error);
      controller.abort(error);
      handling.catch((late) => {
        if (late !== error) callLog.warn({ error: describeError(late) }, 'a call failed once more after its deadline');
      });
    }, deadlineMs);
    handling.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function parseJson(text: string): unknown {
  if (text.trim() === '') {
    // Docker repeats a request whose connection broke with an empty body: acting on it would make up its arguments.
    throw new InvalidRequestError(
      'the request has no body; Docker sends that when it repeats a request whose connection broke: try the command again',
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InvalidRequestError(`the request's body is not JSON (${text.length} characters)`, { cause });
  }
}

function idsOf(json: unknown): object {
  if (typeof json !== 'object' || json === null) return {};
  const ids: Record<string, string> = {};
  for (const [field, name] of Object.entries(LOGGED_FIELDS)) {
    const value: unknown = (json as Record<string, unknown>)[field];
    if (typeof value === 'string' && value !== '') ids[name] = value.slice(0, 100);
  }
  return ids;
}

const failure = (status: number, error: unknown): Answer => ({ status, body: failureReply(messageOf(error)), error });

function messageOf(error: unknown): string {
  if (error instanceof CorduroyError) return error.message;
  return `internal error: ${describeError(error)}; the daemon's log has more`;
}

function send(response: Response, { status, body, closes = false }: Answer): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': CONTENT_TYPE,
    'Content-Length': Buffer.byteLength(text),
    // Only then: a client that has just sent its last byte may see the end of the connection before it sees the answer.
    ...(closes ? { Connection: 'close' } : {}),
  });
  response.end(text);
}

function logCall(log: Logger, { error }: Answer, fields: object): void {
  if (error === undefined) log.info({ ...fields, outcome: 'ok' }, 'request');
  else {
    const details = { ...fields, outcome: error instanceof Error ? error.name : 'Error', error: describeError(error) };
    if (isCallersMove(error)) log.warn(details, 'request');
    else
      log.error(isOurFault(error) && error instanceof Error ? { ...details, stack: error.stack } : details, 'request');
  }
}

const isCallersMove = (error: unknown): boolean =>
  error instanceof InvalidRequestError || error instanceof NotFoundError || error instanceof ConflictError;
const isOurFault = (error: unknown): boolean => error instanceof InternalError || !(error instanceof CorduroyError);
