import { z } from 'zod';
import type { AdminContext } from './admin-context.js';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** What a handler is given: everything parsed. */
export interface Input<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
}

/** One operation of the admin API: where it is, what goes in, what comes out, in one value that also documents it. */
export interface Route<P, Q, B, R> {
  readonly method: Method;
  /** Express's form: `/pools/:pool`. Parameters are URL-encoded by the caller: a CIDR's slash is %2F. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
  readonly response: z.ZodType<R>;
  /** Instead of JSON, the response is a text of this type. */
  readonly text?: string;
  handle(context: AdminContext, input: Input<P, Q, B>): Promise<R> | R;
}

// biome-ignore lint/suspicious/noExplicitAny: a table of routes holds routes of all types
export type AnyRoute = Route<any, any, any, any>;

/** Checks at the definition that parsers and handler agree; the table needs no more. */
export const route = <R, P = unknown, Q = unknown, B = unknown>(definition: Route<P, Q, B, R>): AnyRoute => definition;

/** What every change answers. */
export const changeReply = z
  .strictObject({
    message: z.string().describe('What was done, in one sentence'),
    inForce: z.boolean().describe("True once this host's kernel has it"),
    problem: z.string().optional().describe('Why not, when it is not in force yet'),
  })
  .meta({ id: 'Change' });

export type ChangeReply = z.infer<typeof changeReply>;
