import type { IpSet, IpSetMember, IpSetName } from '../model/ip-set.js';

/** One change to a set. */
export type IpSetCommand =
  | { readonly kind: 'create'; readonly set: Pick<IpSet, 'name' | 'type' | 'family'> }
  | { readonly kind: 'add' | 'remove'; readonly name: IpSetName; readonly member: IpSetMember }
  /** `empty` takes all members out. */
  | { readonly kind: 'empty' | 'destroy'; readonly name: IpSetName };

export interface IpSets {
  /**
   * Carries the commands out in order. Creating what is there with the same type, adding a member that is in, removing
   * one that is not, destroying what is gone: all succeed.
   *
   * @throws KernelError naming what failed, once all were tried
   */
  apply(commands: readonly IpSetCommand[]): Promise<void>;
  /** Sets whose names begin with `cord`. */
  ours(): Promise<readonly ReadIpSet[]>;
  /**
   * Calls the listener within seconds after others made, emptied or removed a set of ours, or changed how many members
   * it has. What happens in the same seconds as a change through `apply` may stay unnoticed.
   */
  watch(listener: () => void): { close(): void };
}

/** A set as it is in the kernel, which may be of a type that we never make. */
export interface ReadIpSet {
  readonly name: IpSetName;
  readonly type: string;
  readonly family: IpSet['family'];
  readonly members: ReadonlySet<IpSetMember>;
}
