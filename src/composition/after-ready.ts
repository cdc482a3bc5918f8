import type { CallContext, Handler } from '../protocol/call.js';

type Handlers = { readonly [method: string]: Handler<never, unknown> };

/** The same handlers, each beginning only when `ready` has resolved, and not at all if the call's deadline came first. */
export function afterReady<T extends object>(handlers: T, ready: Promise<unknown>): T {
  const gated = Object.entries(handlers as Handlers).map(([method, handle]) => [
    method,
    async (request: never, context: CallContext) => {
      await ready;
      context.signal.throwIfAborted();
      return handle(request, context);
    },
  ]);
  return Object.fromEntries(gated) as T;
}
