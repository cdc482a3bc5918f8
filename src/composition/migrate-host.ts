import type { CorduroyConfig } from '../config/corduroy-config.js';
import type { Logger } from '../effects/logger.js';
import { openDatastore } from '../infrastructure/open-datastore.js';
import { systemClock } from '../infrastructure/system-clock.js';
import { configOfStore, nameOfStore } from './datastore-config.js';
import { type Moved, migrate } from './migrate.js';

/** Moves the records of this host's daemon, which must not run. @throws what `migrate` and `openDatastore` throw */
export async function migrateHost(
  config: CorduroyConfig,
  to: CorduroyConfig['datastore'],
  log: Logger,
): Promise<{ readonly moved: Moved; readonly from: string; readonly to: string }> {
  const from = to === 'etcd' ? 'embedded' : 'etcd';
  const [fromConfig, toConfig] = [from, to].map((datastore) => ({ ...config, datastore })) as [
    CorduroyConfig,
    CorduroyConfig,
  ];
  const source = await openDatastore(configOfStore(fromConfig), log);
  try {
    const target = await openDatastore(configOfStore(toConfig), log);
    try {
      const moved = await migrate(
        { name: nameOfStore(fromConfig), store: source },
        { name: nameOfStore(toConfig), store: target },
        { node: config.nodeName, clock: systemClock },
      );
      return { moved, from: nameOfStore(fromConfig), to: nameOfStore(toConfig) };
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
