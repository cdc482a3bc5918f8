import { ZodError, z } from 'zod';
import {
  ConflictError,
  CorduroyError,
  DatastoreUnavailableError,
  DeadlineExceededError,
  DockerUnavailableError,
  describeError,
  InvalidRequestError,
  KernelError,
  NotFoundError,
  splitRemedy,
} from '../../model/errors.js';

export const errorReply = z
  .strictObject({
    error: z.string().describe('What failed, and why'),
    remedy: z.string().describe('What to do about it'),
  })
  .meta({ id: 'Error' });

export type ErrorReply = z.infer<typeof errorReply>;

/** Answer to anything thrown: whose move it is decides the code. */
export function replyToError(error: unknown): { readonly status: number; readonly body: ErrorReply } {
  if (error instanceof ZodError) return { status: 400, body: describeFields(error) };
  if (error instanceof CorduroyError) return { status: statusOf(error), body: split(error.message, remedyOf(error)) };
  const http = error as { status?: unknown; type?: unknown };
  if (http.status === 413) return reply(413, 'the request is larger than 1 MiB', 'send less in one request');
  if (http.status === 400) return reply(400, `the request is not JSON: ${describeError(error)}`, GENERIC.request);
  return reply(500, `the daemon met a fault of its own: ${describeError(error)}`, GENERIC.fault);
}

const reply = (status: number, error: string, remedy: string) => ({ status, body: { error, remedy } });

const GENERIC = {
  request: 'see /openapi.json for what this operation takes',
  fault: "look into the daemon's log, and report it with that",
};

function statusOf(error: CorduroyError): number {
  if (error instanceof InvalidRequestError) return 400;
  if (error instanceof NotFoundError) return 404;
  if (error instanceof ConflictError) return 409;
  if (error instanceof DatastoreUnavailableError || error instanceof DockerUnavailableError) return 503;
  if (error instanceof DeadlineExceededError) return 504;
  return 500;
}

function remedyOf(error: CorduroyError): string {
  if (error instanceof InvalidRequestError) return 'correct the value and try again';
  if (error instanceof NotFoundError) return 'list what there is, and take one of those names';
  if (error instanceof ConflictError) return 'free what holds it first, or choose another';
  if (error instanceof DatastoreUnavailableError)
    return 'see "corduroy status" and try again when the datastore answers';
  if (error instanceof DockerUnavailableError) return 'try again when the engine answers';
  if (error instanceof DeadlineExceededError) return 'try again; "corduroy status" tells what is slow';
  if (error instanceof KernelError) return `see "corduroy check"; the kernel's words: ${error.detail}`;
  return GENERIC.fault;
}

/** A message without remedy gets that of its class. */
function split(message: string, fallback: string): ErrorReply {
  const { problem, remedy = fallback } = splitRemedy(message);
  return { error: problem, remedy };
}

/** Each field's complaint, and each remedy once. */
function describeFields({ issues }: ZodError): ErrorReply {
  const replies = issues.map(({ path, message }) => {
    const { error, remedy } = split(message, GENERIC.request);
    return { error: path.length === 0 ? error : `${path.join('.')}: ${error}`, remedy };
  });
  return {
    error: replies.map(({ error }) => error).join(', '),
    remedy: [...new Set(replies.map(({ remedy }) => remedy))].join('; '),
  };
}
