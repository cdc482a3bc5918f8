/** Something between Docker, the records and the kernel that only a person can put right. */
export interface ReconcileFinding {
  readonly kind: /** A container's label names a profile that does not exist: nothing is allowed by it. */
    | 'unknown-profile'
    /** A `corduroy.*` label of a container that cannot be read. */
    | 'invalid-label'
    /** A container is attached and this node has no record of it: no packet passes. */
    | 'endpoint-without-record'
    /** Docker does not know the network of an endpoint that is still in some container. */
    | 'network-unknown-to-docker'
    /** A container is on two networks of one subnet: it answers by the wrong one. */
    | 'shared-subnet'
    /** A container is to publish ports, and is on internal networks alone. */
    | 'ports-not-published'
    /** A container has an address of `--link-local-ip`: what it sends with that as its source is dropped. */
    | 'link-local-address'
    /** A network of Docker's cannot be brought back into the records. */
    | 'network-not-restored'
    /** A network cannot take the name that Docker has for it. */
    | 'network-not-named'
    /** A network of the cluster's cannot be made on this node. */
    | 'network-not-made'
    /** A network that was removed on another node cannot be removed on this one yet. */
    | 'network-not-removed'
    /** What the host itself sends through tunnels has no source that leads back. */
    | 'no-tunnel-address';
  /** An endpoint's or network's id, or a container's name. */
  readonly subject: string;
  /** One sentence: what is wrong and what to do. */
  readonly message: string;
}

/** How well Docker, the records and the kernel agree: for status. */
export interface ReconcileStatus {
  /** The last run that Docker answered; absent: none yet. */
  readonly lastRun?: { readonly at: Date; readonly durationMs: number } | undefined;
  /** Why Docker does not tell what it is asked, with what to do; absent: it does. */
  readonly dockerSilence?: string | undefined;
  /** Since the daemon's start. */
  readonly freedEndpoints: number;
  readonly findings: readonly ReconcileFinding[];
}

export interface ReconcileStatusSource {
  status(): ReconcileStatus;
}
