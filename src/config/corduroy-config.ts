import type { ConfigName, ValueOf } from './keys.js';

type Values = { readonly [N in ConfigName]: ValueOf<N> };
type EtcdName = Extract<ConfigName, `etcd.${string}`>;
type EtcdValues = { readonly [N in EtcdName as N extends `etcd.${infer Rest}` ? Rest : never]: ValueOf<N> };

/** The daemon's settings, every one present and checked; what may be absent is `undefined`. */
export type CorduroyConfig = Omit<Values, EtcdName> & { readonly etcd: EtcdValues };

/** The same by key name, without nesting. */
export type ConfigValues = Values;

/** Where a setting's value came from, as people are told. */
export type ConfigSource = string;

/** The settings in force, in both forms, and where each came from. */
export interface LoadedConfig {
  readonly config: CorduroyConfig;
  readonly values: ConfigValues;
  readonly sources: Readonly<Record<ConfigName, ConfigSource>>;
}

/** `etcd.endpoints` becomes `etcd: { endpoints }`. */
export function nestEtcd(values: ConfigValues): CorduroyConfig {
  const plain: Record<string, unknown> = {};
  const etcd: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    if (name.startsWith('etcd.')) etcd[name.slice('etcd.'.length)] = value;
    else plain[name] = value;
  }
  return { ...plain, etcd } as unknown as CorduroyConfig;
}
