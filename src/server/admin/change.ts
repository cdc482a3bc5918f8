import type { Transaction } from '../../effects/datastore.js';
import { ConflictError, describeError } from '../../model/errors.js';
import type { AdminContext } from './admin-context.js';
import type { ChangeReply } from './route.js';

/** What a change would write now, or that there is nothing to write. */
export interface Plan extends Transaction {
  readonly message: string;
}

/** Attempts before a record that others keep changing is given up. */
const MAX_ATTEMPTS = 10;
/** Between attempts, times the attempt's number: another writer's change has to reach our view. */
const RETRY_MS = 20;

/**
 * Decides from the view, writes if nothing that was looked at has changed meanwhile, and decides again if it has.
 * Answers when the kernel has it.
 */
export async function change(context: AdminContext, decide: () => Plan): Promise<ChangeReply> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const { message, compares, writes } = decide();
    if (writes.length === 0) return { message, inForce: true };
    const outcome = await context.store.transact({ compares, writes });
    if (outcome.kind === 'committed') return await inForce(context, message);
    await context.clock.sleep(RETRY_MS * attempt);
  }
  throw new ConflictError('cannot make the change: others keep changing the same records; try again');
}

/** The same for a change that concerns routes between hosts: answers when this host's routing daemon has it, too. */
export async function changeRouting(context: AdminContext, decide: () => Plan): Promise<ChangeReply> {
  const reply = await change(context, decide);
  const problem = reply.inForce ? await context.bgp?.settled() : undefined;
  return problem === undefined ? reply : { ...reply, inForce: false, problem };
}

/** Waits until the kernel agrees with what the view knows. A change that is not in force yet is stored all the same. */
export async function inForce(context: AdminContext, message: string): Promise<ChangeReply> {
  try {
    await context.dataplane.settled(AbortSignal.timeout(context.settleMs));
    const { length } = context.dataplaneStatus.status().refused;
    if (length === 0) return { message, inForce: true };
    const problem = `this host's kernel refuses ${length} ${length === 1 ? 'rule' : 'rules'}, and what would reach ${length === 1 ? 'it' : 'them'} is dropped: see "corduroy status"`;
    return { message, inForce: false, problem };
  } catch (error) {
    const problem = `it is stored, but not in this host's kernel yet: ${describeError(error)}; it is tried again by itself, see "corduroy status"`;
    return { message, inForce: false, problem };
  }
}
