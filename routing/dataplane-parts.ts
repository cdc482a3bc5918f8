import type { Clock } from '../src/effects/clock.js';
import type { ClusterView } from '../src/effects/cluster-view.js';
import type { TrackedFlow } from '../src/effects/conntrack.js';
import type { FirewallSource } from '../src/effects/firewall-source.js';
import type { Kernel } from '../src/effects/kernel.js';
import type { Logger } from '../src/effects/logger.js';
import type { TextFile } from '../src/effects/text-file.js';
import { hostInterfaceOf, type NodeName } from '../src/model/ids.js';
import { AddressFlows } from './address-flows.js';
import type { ClusterRoutes } from './cluster-routes.js';
import { EndpointAttacher } from './endpoint-attacher.js';
import { EndpointResync } from './endpoint-resync.js';
import { FirewallApplier } from './firewall-applier.js';
import { FirewallProgrammer } from './firewall-programmer.js';
import { FlowCutter } from './flow-cutter.js';
import { HostForwarding } from './host-forwarding.js';
import { HostResync } from './host-resync.js';
import { KernelResync } from './kernel-resync.js';
import { KernelWatch } from './kernel-watch.js';
import { LateRemovals } from './late-removals.js';
import { LocalEndpoints } from './local-endpoints.js';
import { NodeRoutes } from './node-routes.js';
import { RepairLog } from './repair-log.js';

export interface DataplaneOptions {
  readonly kernel: Kernel;
  readonly view: ClusterView;
  readonly firewall: FirewallSource;
  readonly node: NodeName;
  /** Tells of each connection whether it would be refused if it began now, by the policy of the moment of asking. */
  readonly flowJudge: () => (flow: TrackedFlow) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the host's own settings are remembered that we change. */
  readonly formerHostSettings: TextFile;
  readonly clusterRoutes: ClusterRoutes;
}

/** All that the data plane of one node consists of, put together and at rest. */
export interface DataplaneParts {
  readonly endpoints: LocalEndpoints;
  readonly repairs: RepairLog;
  readonly flows: AddressFlows;
  readonly forwarding: HostForwarding;
  readonly cutter: FlowCutter;
  readonly applier: FirewallApplier;
  readonly attacher: EndpointAttacher;
  readonly routes: NodeRoutes;
  readonly removals: LateRemovals;
  readonly resync: KernelResync;
  readonly watch: KernelWatch;
}

export function dataplaneParts(options: DataplaneOptions): DataplaneParts {
  const { kernel, view, firewall, node, clusterRoutes, clock, log } = options;
  const endpoints = new LocalEndpoints(view, node);
  const repairs = new RepairLog(clock, log);
  const flows = new AddressFlows(kernel.conntrack, clock, log);
  const forwarding = new HostForwarding(kernel.sysctls, options.formerHostSettings);
  const cutter = new FlowCutter({
    conntrack: kernel.conntrack,
    ourAddresses: () => endpoints.addresses(),
    flowJudge: options.flowJudge,
    clock,
    log,
  });
  const applier = new FirewallApplier({
    programmer: new FirewallProgrammer(kernel, kernel.families),
    source: firewall,
    clock,
    log,
    onFindings: (findings) => {
      for (const { what, family, name, detail } of findings) repairs.add(what, `${name} (IPv${family}): ${detail}`);
    },
    onStricter: () => cutter.cut(),
  });
  const attacher = new EndpointAttacher({
    kernel,
    flows,
    policyInForce: (signal) => applier.settled(signal),
    log,
    ipv6: kernel.families.includes(6),
    gatewayOf: ({ dockerNetworkId }) => view.localNetworks.get(dockerNetworkId)?.value.linkLocalGateway,
  });
  const routes = new NodeRoutes({
    ...{ kernel, view, clusterRoutes, log },
    forgetFlows: (address) => void flows.forget(address),
  });
  const removals = new LateRemovals({
    mayWait: (endpoint) => endpoint.node === node && !attacher.links.has(hostInterfaceOf(endpoint.id)),
    tell: (changes) => {
      for (const change of changes) firewall.apply(change);
      applier.changed();
    },
  });
  const resync = new KernelResync({
    applier,
    host: new HostResync({ network: kernel.network, forwarding, routes }),
    endpoints: new EndpointResync({
      kernel,
      attacher,
      localEndpoints: () => endpoints.all(),
      unreadable: () => endpoints.unreadable(),
      hostRoutes: routes.host,
      now: () => clock.now(),
    }),
    repairs,
    flush: () => removals.flush(),
    clock,
    log,
  });
  const watch = new KernelWatch({
    kernel,
    hostEnds: attacher,
    hostRoutes: routes.host,
    onSign: () => resync.soon(),
    onHostChange: (change) => resync.hostChanged(change),
  });
  return { endpoints, repairs, flows, forwarding, cutter, applier, attacher, routes, removals, resync, watch };
}
