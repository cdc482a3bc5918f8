/**
 * Base of every failure that a person can cause or cure. The message says what failed, why, and what to do, begins in
 * lower case and ends without a full stop: Docker prints it after its own words. Fields carry the facts.
 */
export abstract class CorduroyError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** The caller's move: a request, option or record that cannot be accepted as it stands. Nothing was changed. */
export class InvalidRequestError extends CorduroyError {}

/** The caller's move: what the request names does not exist. */
export class NotFoundError extends CorduroyError {}

/** The caller's move: what the request asks for is taken, or in use. */
export class ConflictError extends CorduroyError {}

/** The operator's move: the datastore does not answer, or refuses us. Safe to try again. */
export class DatastoreUnavailableError extends CorduroyError {}

/** The operator's move: the engine does not answer. What was asked of it may or may not have been done. */
export class DockerUnavailableError extends CorduroyError {}

/** The operator's move: the kernel or a tool refused what we asked; `detail` is its own text. */
export class KernelError extends CorduroyError {
  readonly detail: string;
  constructor(message: string, detail: string, options?: ErrorOptions) {
    super(message, options);
    this.detail = detail;
  }
}

/** Our fault, or an operator's value that slipped through: the routing daemon refuses its configuration. */
export class RoutingConfigRefusedError extends KernelError {}

/** A call did not end within its deadline. What it had begun is undone or left to the reconciler. */
export class DeadlineExceededError extends CorduroyError {}

/** Our fault: an invariant broke. */
export class InternalError extends CorduroyError {}

/** A stored record that does not parse: reported by key and field, skipped, never deleted. */
export class CorruptRecordError extends CorduroyError {
  readonly key: string;
  constructor(
    key: string,
    problem: string,
    { remedy = 'correct or delete it in the datastore', ...options }: ErrorOptions & { readonly remedy?: string } = {},
  ) {
    super(`the record at ${key} cannot be read: ${problem}; ${remedy}`, options);
    this.key = key;
  }
}

/** Our messages end in what to do, after the last semicolon; `remedy` is undefined for one that has none. */
export function splitRemedy(message: string): { readonly problem: string; readonly remedy: string | undefined } {
  const at = message.lastIndexOf('; ');
  if (at < 0) return { problem: message, remedy: undefined };
  return { problem: message.slice(0, at), remedy: message.slice(at + '; '.length) };
}

/** The text of anything thrown, with its causes, for one log line. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describeError(error.cause)}`;
}
