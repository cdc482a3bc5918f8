import type { Change, Revision, StoredValue } from '../../effects/datastore.js';

/** What the embedded store needs of a disk. After a failed write only a new Disk tells what is on it. */
export interface Disk {
  /** Everything that was written, in any order, and the last revision; 1 and nothing for a fresh store. */
  load(): Promise<{ readonly items: readonly StoredValue[]; readonly revision: Revision }>;
  /** All of it is durable when this resolves, and after a crash all of it is there or none. One change per key. */
  write(changes: readonly Change[], revision: Revision): Promise<void>;
  close(): Promise<void>;
}
