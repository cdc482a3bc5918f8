import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseDockerNetworkId, parseNetworkName, parseNodeName } from '../../src/model/ids.js';
import { parseIpAddress } from '../../src/model/ip-address.js';
import { NodeNetworkRecord, nodeNetworkKey } from '../../src/model/network.js';
import { eventually } from '../contracts/eventually.js';
import { DataplaneLab } from './dataplane-lab.js';
import { netnsUnavailable } from './test-namespace.js';

const unavailable = netnsUnavailable();
if (unavailable !== undefined) console.warn(`skipped: ${unavailable}`);

const [ALPHA, OTHER] = [parseNodeName('alpha'), parseDockerNetworkId('b'.repeat(64))];
const KEY = nodeNetworkKey(ALPHA, OTHER);

(unavailable === undefined ? describe : describe.skip)("the host's own routes", () => {
  let lab: DataplaneLab;
  const routes = async () => (await lab.kernel.network.ourRoutes()).map(({ destination }) => destination).sort();

  beforeAll(async () => {
    lab = await DataplaneLab.create();
    await lab.start();
  });
  afterAll(() => lab.dispose());

  test('come and go with networks and blocks, and that is no drift', async () => {
    expect(await routes()).toEqual(['169.254.1.1/32']);
    const value = NodeNetworkRecord.encode({
      node: ALPHA,
      dockerNetworkId: OTHER,
      network: parseNetworkName('web'),
      provisional: false,
      linkLocalGateway: parseIpAddress('169.254.7.7'),
    });
    await lab.write([{ kind: 'put', key: KEY, value }]);
    await lab.putBlock('10.64.0.0/26', ALPHA);
    await lab.putBlock('10.64.0.64/26', ALPHA);
    await eventually(async () =>
      expect(await routes()).toEqual(['10.64.0.0/26', '10.64.0.64/26', '169.254.1.1/32', '169.254.7.7/32']),
    );
    await lab.write([{ kind: 'delete', key: KEY }]);
    await lab.removeBlock('10.64.0.0/26');
    await eventually(async () => expect(await routes()).toEqual(['10.64.0.64/26', '169.254.1.1/32']));
    await lab.dataplane.resync();
    expect(lab.dataplane.status().repairs).toEqual([]);
  });

  test('containers that start and end while the kernel is compared are no drift', async () => {
    const comparing = (async () => {
      for (let round = 0; round < 8; round++) await lab.dataplane.resync();
    })();
    for (let round = 0; round < 3; round++) {
      const endpoints = await Promise.all([2, 3, 4, 5].map((number) => lab.putEndpoint(number + 10 * round)));
      await Promise.all(endpoints.map((endpoint) => lab.attach(endpoint)));
      await Promise.all(endpoints.map((endpoint) => lab.dataplane.detach(endpoint)));
      await Promise.all(endpoints.map((endpoint) => lab.removeEndpoint(endpoint)));
    }
    await comparing;
    expect(lab.dataplane.status().repairs).toEqual([]);
  });

  test('with the loopback interface down the sentence says what to do', async () => {
    await lab.namespace.ip('link set lo down');
    await expect(lab.dataplane.resync()).rejects.toThrow('ip link set lo up');
    const endpoint = await lab.putEndpoint(9);
    await expect(lab.attach(endpoint)).rejects.toThrow('ip link set lo up');
    await lab.namespace.ip('link set lo up');
    await lab.attach(endpoint);
  });
});
