import type { CorduroyConfig } from '../config/corduroy-config.js';
import type { DatastoreConfig } from '../infrastructure/open-datastore.js';

type Chosen = Pick<CorduroyConfig, 'datastore' | 'dataDir' | 'etcd'>;

export const configOfStore = ({ datastore, dataDir, etcd }: Chosen): DatastoreConfig =>
  datastore === 'embedded' ? { kind: 'embedded', directory: `${dataDir}/datastore` } : { kind: 'etcd', ...etcd };

/** For people. */
export const nameOfStore = ({ datastore, dataDir, etcd }: Chosen): string =>
  datastore === 'etcd' ? `etcd at ${etcd.endpoints.join(', ')}` : `the embedded datastore in ${dataDir}`;
