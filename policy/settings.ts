/** What the operator chose about policy, for this node. */
export interface PolicySettings {
  /** What containers may open towards their own host: DNS and echo requests, all that their profiles allow, or nothing. */
  readonly endpointToHost: 'dns' | 'accept' | 'drop';
  /** The cloud's metadata service (169.254.169.254 and fd00:ec2::254). Other link-local addresses are always refused. */
  readonly metadata: 'deny' | 'allow';
  /** One bit of the packet mark, ours alone on this host: the packet was allowed. */
  readonly acceptMark: number;
  /**
   * Where what was not marked as allowed is dropped. `security` comes after `filter`, and nearly nobody writes to it, so
   * that flushing both other tables opens nothing; `filter` serves a kernel without it.
   */
  readonly guardTable: 'security' | 'filter';
  /** TCP ports on other nodes' addresses that containers never reach, whatever profiles say. */
  readonly infrastructurePorts: readonly number[];
}

export const DEFAULT_POLICY_SETTINGS: PolicySettings = {
  endpointToHost: 'dns',
  metadata: 'deny',
  acceptMark: 0x10000,
  guardTable: 'security',
  // BGP, etcd's clients, etcd's peers
  infrastructurePorts: [179, 2379, 2380],
};
