import { z } from 'zod';
import type { RefusedRule, RouteProblem } from '../../effects/dataplane-status.js';
import { parseCidr } from '../../model/cidr.js';
import { PoolRecord } from '../../model/pool.js';
import { checkHost } from '../check/host-check.js';
import { readiness } from '../health.js';
import { EXPOSITION_TYPE } from '../metrics-app.js';
import type { AdminContext } from './admin-context.js';
import { bgpStatusView, viewBgpStatus } from './bgp.js';
import { route } from './route.js';

const statusView = z
  .strictObject({
    node: z.string(),
    version: z.string(),
    startedAt: z.string(),
    ready: z.boolean(),
    problems: z.array(z.string()),
    datastore: z.strictObject({
      kind: z.string(),
      state: z.enum(['connected', 'unavailable']),
      reason: z.string().nullable(),
      since: z.string().nullable(),
    }),
    kernel: z.strictObject({
      backend: z.enum(['nft', 'legacy']),
      synced: z.boolean(),
      lastResyncAt: z.string().nullable(),
      lastResyncMs: z.number().nullable(),
      repairsTotal: z.int(),
      repairs: z.array(z.strictObject({ at: z.string(), what: z.string(), detail: z.string() })),
    }),
    docker: z.strictObject({
      answers: z.boolean(),
      reason: z.string().nullable().describe('Why it does not, with what to do'),
      lastLookAt: z.string().nullable(),
      freedEndpoints: z.int(),
    }),
    findings: z.array(z.strictObject({ kind: z.string(), subject: z.string(), message: z.string() })),
    endpoints: z.strictObject({ here: z.int(), attached: z.int(), cluster: z.int() }),
    bgp: bgpStatusView.nullable().describe('Null where routes are not exchanged by BGP'),
    networks: z.int(),
    profiles: z.int(),
    nodes: z.int(),
    goneNodes: z.array(z.string()).describe('Nodes whose daemon does not live, as far as the datastore tells'),
    badRecords: z.array(z.strictObject({ key: z.string(), problem: z.string() })),
  })
  .meta({ id: 'Status' });

/** The reconciler begins when the records are in force. */
const NOT_ASKED = 'it was not asked yet: the daemon is starting';

async function viewStatus(context: AdminContext): Promise<z.infer<typeof statusView>> {
  const { store, node } = context;
  const health = context.datastore.health();
  const kernel = context.dataplaneStatus.status();
  const { backend, synced, lastResync, repairsTotal, repairs, attached, refused, routeProblems } = kernel;
  const reconciled = context.reconcileStatus();
  const dockerSilence = reconciled === undefined ? NOT_ASKED : reconciled.dockerSilence;
  return {
    node,
    version: context.version,
    startedAt: context.startedAt.toISOString(),
    ...mutable(readiness(context)),
    datastore: {
      kind: setting(context, 'datastore') ?? 'unknown',
      state: health.kind,
      reason: health.kind === 'unavailable' ? health.reason : null,
      since: health.kind === 'unavailable' ? health.since.toISOString() : null,
    },
    kernel: {
      backend,
      synced,
      lastResyncAt: lastResync?.at.toISOString() ?? null,
      lastResyncMs: lastResync === undefined ? null : Math.round(lastResync.durationMs * 10) / 10,
      repairsTotal,
      repairs: repairs.map(({ at, what, detail }) => ({ at: at.toISOString(), what, detail })),
    },
    docker: {
      answers: dockerSilence === undefined,
      reason: dockerSilence ?? null,
      lastLookAt: reconciled?.lastRun?.at.toISOString() ?? null,
      freedEndpoints: reconciled?.freedEndpoints ?? 0,
    },
    findings: [
      ...(reconciled?.findings ?? []).map(({ kind, subject, message }) => ({ kind, subject, message })),
      ...refused.map(refusalFinding),
      ...routeProblems.map(routeFinding),
    ],
    endpoints: { here: store.localEndpoints.size, attached, cluster: store.endpoints.size },
    bgp: context.bgp === undefined ? null : viewBgpStatus(await context.bgp.status()),
    networks: store.networks.size,
    profiles: store.profiles.size,
    nodes: store.nodes.size,
    goneNodes: await goneNodes(context),
    badRecords: badRecordsOf(context),
  };
}

async function goneNodes({ liveness, store }: AdminContext): Promise<string[]> {
  const states = await liveness.of(store.nodes.keys());
  return [...states].filter(([, { state }]) => state === 'gone').map(([name]) => name);
}

const refusalFinding = ({ family, chain, rule, comment, reason }: RefusedRule) => ({
  kind: 'refused-rule',
  subject: chain,
  message: `the kernel refuses the IPv${family} rule "${comment ?? rule}" (${reason}): all that would reach it is dropped; change or remove it, or load the kernel module that it needs`,
});

const routeFinding = ({ subject, message }: RouteProblem) => ({ kind: 'route', subject, message });

/** Pools are read by both sides, and the view is never behind. */
const badRecordsOf = ({ store, ipam }: AdminContext): { key: string; problem: string }[] =>
  [...store.problems, ...ipam.badRecords().filter(({ key }) => !key.startsWith(PoolRecord.prefix))].map(
    ({ key, problem }) => ({ key, problem }),
  );

const mutable = ({ ready, problems }: ReturnType<typeof readiness>) => ({ ready, problems: [...problems] });
const setting = ({ settings }: AdminContext, name: string): string | null | undefined =>
  settings.find((candidate) => candidate.name === name)?.value;

export const findingView = z
  .strictObject({
    level: z.enum(['ok', 'note', 'warning', 'blocker']),
    subject: z.string(),
    finding: z.string(),
    fix: z.string().nullable(),
  })
  .meta({ id: 'Finding' });

export const daemonRoutes = [
  route({
    method: 'get',
    path: '/status',
    tag: 'daemon',
    summary: 'The node, its datastore, its kernel and what was found and repaired',
    response: statusView,
    handle: viewStatus,
  }),
  route({
    method: 'get',
    path: '/check',
    tag: 'daemon',
    summary: 'Prerequisites and coexistence with other firewalls, with the fix for each finding',
    response: z.array(findingView),
    handle: async (context) => {
      const mtu = setting(context, 'mtu');
      const findings = checkHost(await context.hostFacts(), {
        mtu: mtu === undefined || mtu === null || mtu === 'auto' ? undefined : Number(mtu),
        iptablesBackend: backendOf(setting(context, 'iptablesBackend')),
        dockerSocket: setting(context, 'dockerSocket') ?? '',
        pluginSocket: setting(context, 'pluginSocket') ?? '',
        pools: [...context.store.pools.values()].map(({ value }) => parseCidr(value.cidr)),
        starting: false,
      });
      return findings.map(({ fix, ...finding }) => ({ ...finding, fix: fix ?? null }));
    },
  }),
  route({
    method: 'get',
    path: '/config',
    tag: 'daemon',
    summary: 'The settings in force, and where each came from',
    response: z.array(z.strictObject({ name: z.string(), value: z.string().nullable(), source: z.string() })),
    handle: ({ settings }) => settings.map((view) => ({ ...view })),
  }),
  route({
    method: 'get',
    path: '/metrics',
    tag: 'daemon',
    summary: "Figures in Prometheus' text form",
    text: EXPOSITION_TYPE,
    response: z.string(),
    handle: ({ metrics }) => metrics(),
  }),
];

const backendOf = (text: string | null | undefined): 'auto' | 'nft' | 'legacy' =>
  text === 'nft' || text === 'legacy' ? text : 'auto';
