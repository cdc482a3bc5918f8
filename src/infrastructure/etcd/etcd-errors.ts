import { DatastoreUnavailableError } from '../../model/errors.js';

/** The request was refused before it left this host, so it is safe to send again, elsewhere. */
export const neverSent = (error: unknown): boolean =>
  /No connection established|Name resolution failed|Failed to connect|ECONNREFUSED/.test(messageOf(error));

/** What went wrong, for a person, without gRPC's decoration: `connect ECONNREFUSED 127.0.0.1:2379`. */
export function reasonOf(error: unknown): string {
  return messageOf(error)
    .replace(/^(Error: )?(\d+ [A-Z_]+: )?/, '')
    .replace(/^No connection established\. Last error: (Error: )?/, '')
    .replace(/\.? ?Resolution note:.*$/s, '')
    .replace(/^null$/, 'no connection could be made')
    .replace(/\s+/g, ' ')
    .slice(0, 300);
}

export function etcdUnavailable(endpoints: readonly string[], error: unknown): DatastoreUnavailableError {
  const reason = reasonOf(error);
  const where = `etcd at ${endpoints.map(withoutUser).join(', ')}`;
  if (/permission denied|authentication failed|user name is empty|invalid auth token/i.test(reason)) {
    return new DatastoreUnavailableError(
      `${where} refuses us: ${reason}; see that etcd.username and etcd.passwordFile, or the client certificate's common name, are of a user with read and write permission on /corduroy/v1/`,
      { cause: error },
    );
  }
  return new DatastoreUnavailableError(
    `${where} cannot be used: ${reason}; see that it runs, has a leader and can be reached from this host (etcdctl endpoint health), and that the etcd settings name it rightly`,
    { cause: error },
  );
}

/** An endpoint may have been typed with a password in it. */
function withoutUser(endpoint: string): string {
  return endpoint.replace(/\/\/[^/@]*@/, '//');
}

// Not instanceof: etcd3 makes its errors from what gRPC throws.
function messageOf(error: unknown): string {
  const message = (error as { readonly message?: unknown } | undefined)?.message;
  return typeof message === 'string' && message !== '' ? message : String(error);
}
