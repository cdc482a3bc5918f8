import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { BgpStatusSource } from '../effects/bgp-status.js';
import type { ClusterView } from '../effects/cluster-view.js';
import type { DataplaneStatusSource } from '../effects/dataplane-status.js';
import type { Datastore } from '../effects/datastore.js';
import type { IpamAdmin } from '../effects/ipam-admin.js';
import type { NodeName } from '../model/ids.js';

export interface MetricsSources {
  readonly node: NodeName;
  readonly version: string;
  readonly store: Pick<ClusterView, 'localEndpoints'>;
  readonly datastore: Pick<Datastore, 'health'>;
  readonly dataplaneStatus: DataplaneStatusSource;
  readonly ipam: Pick<IpamAdmin, 'utilisation'>;
  readonly bgp: BgpStatusSource | undefined;
}

export interface Metrics {
  /** One answered call of Docker. */
  observeRequest(call: { readonly method: string; readonly ms: number; readonly outcome: string }): void;
  /** One transaction with the kernel; `outcome` is `ok` or `error`. */
  observeKernelApply(apply: { readonly ms: number; readonly outcome: string }): void;
  /** Prometheus' exposition text, gathered now. */
  text(): Promise<string>;
}

/** From half a millisecond to the deadline of a call, in seconds. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2];

/** Counters that the daemon feeds, and gauges that are read when they are asked for. */
export function createMetrics(sources: MetricsSources): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const requests = new Histogram({
    name: 'corduroy_request_duration_seconds',
    help: "Docker's plugin calls: time to the answer, by method and outcome; _count counts them",
    labelNames: ['method', 'outcome'],
    buckets: BUCKETS,
    registers,
  });
  const applies = new Histogram({
    name: 'corduroy_kernel_apply_duration_seconds',
    help: 'Transactions with the kernel: time until it has them, by outcome',
    labelNames: ['outcome'],
    buckets: BUCKETS,
    registers,
  });
  stateGauges(sources, registers);
  addressGauge(sources, registers);
  if (sources.bgp !== undefined) bgpGauges(sources.bgp, registers);
  return {
    observeRequest: ({ method, ms, outcome }) => requests.observe({ method, outcome }, ms / 1000),
    observeKernelApply: ({ ms, outcome }) => applies.observe({ outcome }, ms / 1000),
    text: () => registry.metrics(),
  };
}

function stateGauges({ version, store, datastore, dataplaneStatus }: MetricsSources, registers: Registry[]): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  gauge('corduroy_datastore_up', '1 while the datastore answers', () =>
    datastore.health().kind === 'connected' ? 1 : 0,
  );
  gauge('corduroy_dataplane_synced', '1 while the kernel agrees with the records, as far as is known', () =>
    dataplaneStatus.status().synced ? 1 : 0,
  );
  gauge('corduroy_endpoints', 'Endpoints of this node in the records', () => store.localEndpoints.size);
  gauge(
    'corduroy_endpoints_attached',
    'Endpoints whose link is in the kernel',
    () => dataplaneStatus.status().attached,
  );
  gauge('corduroy_resync_duration_seconds', 'How long the latest comparison with the kernel took', () => {
    return (dataplaneStatus.status().lastResync?.durationMs ?? 0) / 1000;
  });
  new Gauge({ name: 'corduroy_info', help: 'Version', labelNames: ['version'], registers }).set({ version }, 1);
  new Counter({
    name: 'corduroy_repairs_total',
    help: 'Things of ours in the kernel that somebody changed and that were put right',
    registers,
    collect() {
      this.reset();
      this.inc(dataplaneStatus.status().repairsTotal);
    },
  });
}

function addressGauge({ ipam }: MetricsSources, registers: Registry[]): void {
  new Gauge({
    name: 'corduroy_addresses',
    help: 'Addresses by pool and state',
    labelNames: ['pool', 'state'],
    registers,
    async collect() {
      this.reset();
      // An exposition without these beats none at all while the datastore is away.
      const reports = await ipam.utilisation().catch(() => []);
      for (const { pool, usage } of reports) {
        for (const state of ['assigned', 'cooling', 'reserved', 'free'] as const) {
          this.set({ pool: pool.cidr, state }, Number(usage[state]));
        }
      }
    },
  });
}

function bgpGauges(bgp: BgpStatusSource, registers: Registry[]): void {
  new Gauge({
    name: 'corduroy_bgp_session_up',
    help: '1 while the session with the peer is established',
    labelNames: ['peer', 'address', 'type'],
    registers,
    async collect() {
      this.reset();
      for (const { peer, address, type, state } of (await bgp.status()).sessions) {
        this.set({ peer, address, type }, state === 'established' ? 1 : 0);
      }
    },
  });
  new Gauge({
    name: 'corduroy_bgp_session_routes',
    help: 'Routes taken from (imported) and given to (exported) each peer',
    labelNames: ['peer', 'address', 'direction'],
    registers,
    async collect() {
      this.reset();
      for (const { peer, address, imported, exported } of (await bgp.status()).sessions) {
        this.set({ peer, address, direction: 'imported' }, imported);
        this.set({ peer, address, direction: 'exported' }, exported);
      }
    },
  });
}
