import { ClassicLevel } from 'classic-level';
import { Etcd3 } from 'etcd3';

/** One durable write for each endpoint, as plainly as it can be done. */
export interface RivalStore {
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
}

/** @param place `embedded:DIRECTORY` or `etcd:URL` */
export function openRivalStore(place: string): RivalStore {
  const separator = place.indexOf(':');
  const [kind, where] = [place.slice(0, separator), place.slice(separator + 1)];
  if (kind === 'etcd') {
    const etcd = new Etcd3({ hosts: where });
    return {
      put: async (key, value) => {
        await etcd.if(key, 'Create', '==', 0).then(etcd.put(key).value(value)).commit();
      },
      delete: async (key) => {
        await etcd.delete().key(key);
      },
    };
  }
  const level = new ClassicLevel<string, string>(where);
  return {
    put: (key, value) => level.put(key, value, { sync: true }),
    delete: (key) => level.del(key, { sync: true }),
  };
}
