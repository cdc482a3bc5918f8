import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BlockRecord } from '../../src/model/block.js';
import { SubnetRecord } from '../../src/model/subnet.js';
import { type PluginUnderTest, startPlugin } from './plugin-under-test.js';
import { recordedTraces } from './recorded-trace.js';
import { ReplayingDocker } from './replaying-docker.js';

/** Recordings that do not fit, and why. */
const SKIPPED: Readonly<Record<string, string>> = {
  '35-request-replay': 'the plugin says RequiresRequestReplay: false, so that no engine requests again what it has',
};

/** Commands in the recordings that this plugin refuses, in order, by what it says. */
const REFUSED: Readonly<Record<string, readonly RegExp[]>> = {
  '02-network-create-options': [
    /CreateNetwork: option "com.example.x" is unknown/,
    /RequestPool: --ipam-opt k is not known/,
    /CreateNetwork: .* the null IPAM driver gives none/,
    /CreateNetwork: option "com.docker.network.enable_ipv6" has no effect/,
  ],
  '03-network-config-only': [/CreateNetwork: option "opt1" is unknown/, /RequestPool: --ipam-opt a is not known/],
  '06-run-flags': [/CreateEndpoint: driver-opt "com.example.k" is unknown/],
  '11-mac-address': [/CreateNetwork: .* the null IPAM driver gives none/],
  '12-connect-disconnect': [/CreateEndpoint: driver-opt "a" is unknown/],
  // The recorded plugin had no names for its address spaces.
  '27-handshake-variants': [/CreateNetwork: addresses from the IPAM address space {2}are not known/],
};

let plugin: PluginUnderTest;
beforeEach(async () => {
  plugin = await startPlugin();
});
afterEach(() => plugin.stop());

describe('a recorded engine gets answers it can use, and nothing is left of what it removed', () => {
  for (const trace of recordedTraces()) {
    const reason = SKIPPED[trace.name];
    if (reason !== undefined) {
      console.warn(`${trace.name} is not replayed: ${reason}`);
      continue;
    }
    test(`${trace.name}: ${trace.about}`, async () => {
      const docker = new ReplayingDocker(plugin);
      await docker.prepare(trace.calls);
      for (const [index, call] of trace.calls.entries()) await docker.play(call, trace.calls.slice(index + 1));
      await docker.removeAll();
      expect(docker.faults).toEqual([]);
      expect(docker.refusals).toEqual((REFUSED[trace.name] ?? []).map((text) => expect.stringMatching(text)));
      expect(leftovers()).toEqual([]);
    });
  }
});

/** All but pools, which stay by design, and freed addresses that rest before they are used again. */
function leftovers(): readonly string[] {
  const records = [...plugin.datastore.contents()].filter(([key, value]) => {
    if (/\/(pool|addressplan)\//.test(key)) return false;
    if (key.startsWith(SubnetRecord.prefix)) return SubnetRecord.decode(key, value).use === 'used';
    if (key.startsWith(BlockRecord.prefix)) return BlockRecord.decode(key, value).allocations.size > 0;
    return true;
  });
  return [
    ...records.map(([key, value]) => `${key} ${value}`),
    ...[...plugin.dataplane.attached()].map((id) => `link of ${id}`),
    ...[...plugin.hostPorts.reserved.keys()].map((owner) => `ports of ${owner}`),
  ];
}
