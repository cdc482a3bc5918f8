import type { Logger } from '../effects/logger.js';

/** What comes with each of Docker's calls besides its request. */
export interface CallContext {
  /** Aborts at the call's deadline. Whoever has begun something undoes it then, although nobody waits any more. */
  readonly signal: AbortSignal;
  /** Bears the call's number and method. */
  readonly log: Logger;
}

export type Handler<Request, Reply> = (request: Request, context: CallContext) => Promise<Reply>;

/** Success, and nothing to tell. */
export interface EmptyReply {
  readonly [key: string]: never;
}

export const EMPTY_REPLY: EmptyReply = {};
