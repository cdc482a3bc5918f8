import type { Datastore } from '../effects/datastore.js';
import type { Logger } from '../effects/logger.js';
import { EmbeddedDatastore } from './embedded/embedded-datastore.js';
import { openLevelDisk } from './embedded/level-disk.js';
import { type EtcdConfig, readEtcdCredentials } from './etcd/etcd-config.js';
import { ThreadedEtcdDatastore } from './etcd/threaded-etcd-datastore.js';

export type DatastoreConfig =
  /** The directory is the store's own: made if absent, and given mode 0700. */
  { readonly kind: 'embedded'; readonly directory: string } | ({ readonly kind: 'etcd' } & EtcdConfig);

/**
 * The embedded store is ready when this resolves. etcd need not be there: `health` tells, and it is sought for as long
 * as the store is open.
 *
 * @throws DatastoreUnavailableError if the directory, or a file named in the settings, cannot be used
 */
export async function openDatastore(config: DatastoreConfig, log: Logger): Promise<Datastore> {
  if (config.kind === 'embedded') {
    const { directory } = config;
    return EmbeddedDatastore.open({ directory, openDisk: () => openLevelDisk(directory), log });
  }
  const credentials = await readEtcdCredentials(config);
  const store = new ThreadedEtcdDatastore({ endpoints: config.endpoints, credentials }, log);
  await store.asked();
  return store;
}
