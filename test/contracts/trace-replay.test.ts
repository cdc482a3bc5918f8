import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EndpointRecord } from '../../src/model/endpoint.js';
import { NetworkRecord, NodeNetworkRecord } from '../../src/model/network.js';
import { type PluginUnderTest, startPlugin } from './plugin-under-test.js';
import { recordedTraces } from './recorded-trace.js';
import { ReplayingDocker } from './replaying-docker.js';

let plugin: PluginUnderTest;
beforeEach(async () => {
  plugin = await startPlugin();
});
afterEach(() => plugin.stop());

describe('a recorded engine', () => {
  for (const trace of recordedTraces()) {
    test(`${trace.name}: ${trace.about}`, async () => {
      const docker = new ReplayingDocker(plugin);
      await docker.prepare(trace.calls);
      for (const [index, call] of trace.calls.entries()) await docker.play(call, trace.calls.slice(index + 1));
      await docker.removeAll();
      console.log(trace.name, docker.refusals, docker.faults, [...plugin.datastore.contents().keys()].filter((k) => !/pool|addressplan/.test(k)));
    });
  }
});
