import type { Etcd3, ILeaseKeepAliveResponse } from 'etcd3';
import type { Transaction, TransactionOutcome } from '../../effects/datastore.js';
import type { LeaseId, Leases } from '../../effects/leases.js';
import { checkTransaction } from '../check-transaction.js';
import type { EtcdConnection } from './etcd-connection.js';
import { txnOutcome, txnRequest } from './etcd-messages.js';

/** etcd's leases, one call at a time: who holds one watches over it himself, because the client's own loop loses it silently. */
export class EtcdLeases implements Leases {
  readonly #connection: EtcdConnection;

  constructor(connection: EtcdConnection) {
    this.#connection = connection;
  }

  async grant(ttlSeconds: number): Promise<LeaseId> {
    const { ID } = await this.#connection.call('ifNeverSent', ({ leaseClient }, options) =>
      leaseClient.leaseGrant({ TTL: ttlSeconds }, options),
    );
    return ID as LeaseId;
  }

  async renew(lease: LeaseId): Promise<boolean> {
    const { TTL } = await this.#connection.call('always', (client, options) => keepAliveOnce(client, lease, options));
    return Number(TTL) > 0;
  }

  async revoke(lease: LeaseId): Promise<void> {
    try {
      await this.#connection.call('always', ({ leaseClient }, options) =>
        leaseClient.leaseRevoke({ ID: lease }, options),
      );
    } catch (error) {
      if (!/requested lease not found/.test(String(error))) throw error;
    }
  }

  async transact(lease: LeaseId, transaction: Transaction): Promise<TransactionOutcome> {
    checkTransaction(transaction);
    const request = txnRequest(transaction, lease);
    return txnOutcome(await this.#connection.call('ifNeverSent', ({ kv }, options) => kv.txn(request, options)));
  }
}

/** A stream for one question: one that is kept dies with its member, and tells nobody. */
async function keepAliveOnce(
  { leaseClient }: Etcd3,
  lease: LeaseId,
  options: { readonly deadline: number },
): Promise<ILeaseKeepAliveResponse> {
  const stream = await leaseClient.leaseKeepAlive(options);
  try {
    return await new Promise((resolve, reject) => {
      stream.on('data', resolve);
      stream.on('error', reject);
      stream.on('end', () => reject(new Error('etcd closed the stream')));
      stream.write({ ID: lease });
    });
  } finally {
    stream.end();
    stream.cancel();
  }
}
