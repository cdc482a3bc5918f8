import type { Logger } from '../effects/logger.js';

/** What comes with each of Docker's calls besides its request. */
export interface CallContext {
  /**
   * Aborts at the call's deadline, when Docker has been told of a failure and will not call again. A handler that
   * creates something looks at it after its last `await`, and undoes what it did: nobody waits, but nobody else will.
   */
  readonly signal: AbortSignal;
  /** Bears the call's number and method. */
  readonly log: Logger;
}

/** One method of Docker's. What it throws, Docker is told. */
export type Handler<Request, Reply> = (request: Request, context: CallContext) => Promise<Reply>;

/** Success, and nothing to tell. */
export interface EmptyReply {
  readonly [key: string]: never;
}

export const EMPTY_REPLY: EmptyReply = {};
