import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { VERSION } from '../../src/composition/version.js';
import type { Revision } from '../../src/effects/datastore.js';
import { openLevelDisk } from '../../src/infrastructure/embedded/level-disk.js';
import { type Build, earlierBuild } from '../lab/earlier-build.js';
import { PROGRAM } from '../lab/host.js';
import { Lab } from '../lab/lab.js';
import { describeInLab } from '../lab/needs.js';
import { CorduroyLab, E2E_TIMEOUT_MS } from './corduroy-host.js';
import { EngineApi } from './engine-api.js';
import { Streams } from './streams.js';

const CONTAINERS = 100;
/** Containers that start at once: more only wait for the engine. */
const AT_ONCE = 8;
const NOW: Build = { program: PROGRAM, version: VERSION };

describeInLab('a host with a hundred running containers, and other versions of the daemon', () => {
  let lab: CorduroyLab;
  let earlier: Build;
  let streams: Streams;

  beforeAll(async () => {
    const built = await earlierBuild();
    if (typeof built === 'string') process.stderr.write(`upgrades are from this version to itself: ${built}\n`);
    earlier = typeof built === 'string' ? NOW : built;
    lab = new CorduroyLab(await Lab.up());
    await lab.host.startCorduroy({ program: earlier.program });
    await lab.network('crowd');
    await startCrowd(lab);
    streams = await Streams.start(lab, 'upgrade');
  }, 3 * E2E_TIMEOUT_MS);
  afterAll(() => lab?.lab.down(), E2E_TIMEOUT_MS);

  /** Ends the daemon that runs and starts another, under traffic. */
  async function replaceBy({ program, version }: Build): Promise<void> {
    await streams.sendMore(50);
    await lab.host.stopCorduroy('SIGTERM');
    await streams.sendMore(50);
    await lab.host.startCorduroy({ program });
    await streams.sendMore(50);
    expect(JSON.parse(await lab.host.cord('status', '-o', 'json'))).toMatchObject({ version, ready: true });
  }

  async function expectNothingLost(endpoints: number): Promise<void> {
    expect(await streams.lost()).toEqual({ missing: [], tail: 0 });
    expect(await streams.intruders()).toEqual({});
    const { host } = lab;
    expect(JSON.parse(await host.cord('status', '-o', 'json'))).toMatchObject({
      ready: true,
      badRecords: [],
      endpoints: { here: endpoints, attached: endpoints },
    });
    expect(await host.cord('ipam', 'check')).toContain('0 findings');
    const [first, last] = [await host.container('crowd-0'), await host.container(`crowd-${CONTAINERS - 1}`)];
    expect(await first.reaches(await last.address('crowd'))).toBe(true);
  }

  test(
    'upgraded: no packet lost, none let through',
    async () => {
      await replaceBy(NOW);
      await expectNothingLost(CONTAINERS + 3);
      expect(await lab.host.cord('check')).not.toContain('blocker');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'downgraded and upgraded again, with networks and containers that the other version made: the same',
    async () => {
      await lab.network('of-the-newer', '--ipv6', '-o', 'mtu=1400');
      await lab.start('newer-1', 'of-the-newer', '-p', '8080:80');
      await lab.host.cord('profile', 'upgrade', 'rule', 'add', 'inbound', 'allow', 'tcp', 'to', 'ports', '80,443');
      await replaceBy(earlier);
      const one = await lab.start('newer-2', 'of-the-newer');
      const other = await lab.host.container('newer-1');
      expect(await one.reaches(await other.address('of-the-newer'))).toBe(true);
      expect(await one.reaches(await other.address('of-the-newer', 6))).toBe(true);
      expect(await lab.host.cord('profile', 'upgrade', 'rule', 'show')).toContain('allow tcp to ports 80,443');
      await expectNothingLost(CONTAINERS + 5);
      await replaceBy(NOW);
      await expectNothingLost(CONTAINERS + 5);
      await lab.remove('newer-1', 'newer-2');
      await lab.removeNetworks('of-the-newer');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'an older daemon that meets records of a newer form says so, ends, and changes nothing',
    async () => {
      const { host } = lab;
      await host.stopCorduroy('SIGTERM');
      const written = await recordsOf(lab);
      const newer = written.map(([key, text]) => [key, text.replace('"corduroy/v1"', '"corduroy/v2"')] as const);
      await writeRecords(lab, newer);
      await expect(host.startCorduroy()).rejects.toThrow(
        /error: a newer version of corduroy wrote 107 of this host's 107 records in the embedded datastore.* \(corduroy\/v2\), and this is .*; install that version again: containers keep connectivity and policy meanwhile/,
      );
      expect(await recordsOf(lab)).toEqual(newer);
      await streams.sendMore(50);
      await writeRecords(lab, written);
      await host.startCorduroy();
      await expectNothingLost(CONTAINERS + 3);
    },
    E2E_TIMEOUT_MS,
  );
});

async function startCrowd({ host }: CorduroyLab): Promise<void> {
  const api = new EngineApi(host);
  const names = Array.from({ length: CONTAINERS }, (_, n) => `crowd-${n}`);
  const starters = Array.from({ length: AT_ONCE }, async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      expect(await api.start(name, 'crowd')).toBeUndefined();
    }
  });
  await Promise.all(starters);
}

type Records = readonly (readonly [key: string, text: string])[];

/** Those of the embedded datastore, while no daemon runs. */
async function recordsOf(lab: CorduroyLab): Promise<Records> {
  const disk = await openLevelDisk(storeOf(lab));
  const { items } = await disk.load();
  await disk.close();
  return items.map(({ key, value }) => [key, value] as const);
}

async function writeRecords(lab: CorduroyLab, records: Records): Promise<void> {
  const disk = await openLevelDisk(storeOf(lab));
  const revision = ((await disk.load()).revision + 1) as Revision;
  await disk.write(
    records.map(([key, value]) => ({ kind: 'put', key, value, revision })),
    revision,
  );
  await disk.close();
}

const storeOf = ({ host }: CorduroyLab): string => join(host.dir, 'corduroy/datastore');
