import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tagSet } from '../../policy/ip-set-names.js';
import { parseTagName } from '../../src/model/ids.js';
import type { LabHost } from '../../test/lab/host.js';
import { Lab } from '../../test/lab/lab.js';
import type { Service } from '../../test/lab/service.js';
import { TEST_IMAGE } from '../../test/lab/test-image.js';
import { poolIdOf, startEtcd } from '../bench-host.js';
import { EndpointLife, PluginClient } from '../plugin-client.js';
import type { Measurement } from '../result-table.js';
import { Agent } from './agent.js';
import { SHARED } from './cluster-layout.js';
import { processorMs } from './processor-time.js';

const program = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const LIMIT_MS = 120_000;
const FOLLOWER_PROCESSES = 4;
/** They play many, so that what one of them throws away is collected with that of hundreds. */
const ROOMY = '--max-semi-space-size=64';
/** Between two changes, in ms: the agents that are played share the processors, and must not lag behind. */
const REST_MS = 1_500;

/**
 * An endpoint joins a tag of 10,000 members on one host: how long after the call of Join it is in the other host's kernel,
 * and known to the agents of 998 more nodes. Two agents are real; of the others there are the watches, and the reading of
 * what these tell.
 */
export async function measureTag(quick: boolean): Promise<readonly Measurement[]> {
  const lab = await Lab.up({ hosts: 2 });
  const agents: Agent[] = [];
  const followers: Service[] = [];
  try {
    const [here, there] = lab.hosts as [LabHost, LabHost];
    const etcd = `http://${lab.addressOf(here)}:2379`;
    const urls = ['--listen-client-urls', 'http://0.0.0.0:2379', '--advertise-client-urls', etcd];
    await startEtcd(here, ['--quota-backend-bytes', '8000000000', '--unsafe-no-fsync', ...urls]);
    await here.run(process.execPath, program('./fill.js'), etcd, 'tagged');
    for (const host of lab.hosts) {
      const environment = { CORDUROY_ETCD_ENDPOINTS: etcd, CORDUROY_NETWORK_SYNC: 'false' };
      agents.push((await Agent.start(host, LIMIT_MS, environment)).agent);
      const { name, subnet } = SHARED;
      await host.docker('network', 'create', '-d', 'corduroy', '--ipam-driver', 'corduroy', '--subnet', subnet, name);
      await host.docker('run', '-d', '--name', 'first', '--net', name, TEST_IMAGE);
    }
    const each = (quick ? 98 : 998) / FOLLOWER_PROCESSES;
    for (let n = 0; n < FOLLOWER_PROCESSES; n++) {
      const count = `${n % 2 === 0 ? Math.floor(each) : Math.ceil(each)}`;
      const service = here.start(`followers-${n}`, [process.execPath, ROOMY, program('./followers.js'), etcd, count]);
      followers.push(service);
      await service.waitUntil(async () => service.log().includes('ready'), LIMIT_MS);
    }
    const rounds = quick ? 20 : 30;
    const spent = async () => {
      const names = followers.map((_, n) => `followers-${n}`);
      const played = await Promise.all(names.map((name) => processorMs(here, name)));
      const [joining, other] = await Promise.all(agents.map((agent) => agent.processorMs()));
      return { etcd: await processorMs(here, 'etcd'), joining, other, played: played.reduce((a, b) => a + b, 0) };
    };
    const before = await spent();
    const measured = await joins(here, there, { followers, rounds });
    return [...measured, ...processorTimes(before, await spent(), rounds)];
  } finally {
    for (const service of [...followers, ...agents]) await service.stop('SIGTERM');
    await lab.down();
  }
}

async function joins(
  here: LabHost,
  there: LabHost,
  { followers, rounds }: { readonly followers: readonly Service[]; readonly rounds: number },
): Promise<readonly Measurement[]> {
  const network = (await here.docker('network', 'inspect', '-f', '{{.Id}}', SHARED.name)).trim();
  const client = new PluginClient(here.path('/run/docker/plugins/corduroy.sock'));
  const pool = await poolIdOf(here, SHARED.subnet);
  const set = tagSet(4, parseTagName(SHARED.name));
  const calls: number[] = [];
  const kernel: number[] = [];
  const begun = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    const life = new EndpointLife(client, network, pool);
    await life.requestAddress();
    await life.create();
    const start = performance.now();
    begun.set(life.id, performance.timeOrigin + start);
    const joined = life.join().then(() => calls.push(performance.now() - start));
    while (!isMember(there, set, life.address)) await sleep(1);
    kernel.push(performance.now() - start);
    await joined;
    await sleep(REST_MS);
    await life.leaveAndDelete();
    await sleep(REST_MS);
  }
  client.close();
  const heard = followers.flatMap((service) => heardIn(service.log(), begun));
  const row = 'a tag of 10,000 gets a member, from the call of Join';
  return [
    { row, variant: 'Join answers', unit: 'ms', samples: calls },
    { row, variant: "in another host's kernel", unit: 'ms', samples: kernel },
    { row, variant: `known to each of ${heard.length / rounds} simulated agents`, unit: 'ms', samples: heard },
  ];
}

type Spent = Readonly<Record<'etcd' | 'joining' | 'other' | 'played', number | undefined>>;

/** What an endpoint's whole life costs whom: it comes, is labelled by nobody, and goes. */
function processorTimes(before: Spent, after: Spent, rounds: number): readonly Measurement[] {
  const whose = {
    joining: 'the agent that it is on',
    other: 'another agent',
    etcd: 'etcd',
    played: 'all simulated agents',
  } as const;
  const row = 'processor time of such an endpoint, from RequestAddress to ReleaseAddress';
  return (Object.keys(whose) as (keyof Spent)[]).map((who) => ({
    row,
    variant: whose[who],
    unit: 'ms',
    samples: [((after[who] ?? 0) - (before[who] ?? 0)) / rounds],
  }));
}

function isMember(host: LabHost, set: string, address: string): boolean {
  const [file, ...rest] = host.command(['ipset', '-q', 'test', set, address]);
  try {
    execFileSync(file, rest, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Ms from the call of Join until each agent had heard of the endpoint: less than none for those that heard before. */
function heardIn(log: string, begun: ReadonlyMap<string, number>): readonly number[] {
  const lines = log.split('\n').filter((line) => line.startsWith('{'));
  return lines.flatMap((line) => {
    const { id, times } = JSON.parse(line) as { readonly id: string; readonly times: readonly number[] };
    const start = begun.get(id);
    return start === undefined ? [] : times.map((time) => time - start);
  });
}
