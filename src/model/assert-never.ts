/** Closes a switch over a union: a new alternative then fails to compile here. */
export function assertNever(value: never): never {
  throw new Error(`an alternative is not handled: ${JSON.stringify(value)}`);
}
