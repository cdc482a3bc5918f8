import type { Kernel } from '../effects/kernel.js';
import type { PacketFilter } from '../effects/packet-filter.js';

/** One transaction with the packet filter. */
export interface KernelApply {
  readonly ms: number;
  readonly outcome: 'ok' | 'error';
}

/** The same kernel; `observe` is told how long each transaction with its packet filters took. */
export function timedKernel(kernel: Kernel, observe: (apply: KernelApply) => void): Kernel {
  const { backend, lastTable, families, network, ipSets, packetFilters, sysctls, conntrack } = kernel;
  return {
    backend,
    lastTable,
    families,
    network,
    ipSets,
    packetFilters: { 4: timed(packetFilters[4], observe), 6: timed(packetFilters[6], observe) },
    sysctls,
    conntrack,
    watchPacketFilter: (listener) => kernel.watchPacketFilter(listener),
    helperPids: () => kernel.helperPids(),
    close: () => kernel.close(),
  };
}

function timed(filter: PacketFilter, observe: (apply: KernelApply) => void): PacketFilter {
  return {
    family: filter.family,
    backend: filter.backend,
    save: () => filter.save(),
    async load(text) {
      const started = performance.now();
      let outcome: KernelApply['outcome'] = 'error';
      try {
        await filter.load(text);
        outcome = 'ok';
      } finally {
        observe({ ms: performance.now() - started, outcome });
      }
    },
  };
}
