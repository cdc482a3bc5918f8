import { z } from 'zod';
import type { Versioned } from '../../effects/cluster-view.js';
import type { Compare } from '../../effects/datastore.js';
import { type Endpoint, EndpointRecord, endpointKey } from '../../model/endpoint.js';
import { ConflictError, InvalidRequestError, NotFoundError } from '../../model/errors.js';
import { filtered } from '../../model/filtered.js';
import { type ProfileName, parseProfileName } from '../../model/ids.js';
import { profileKey } from '../../model/profile.js';
import { parsed } from '../../model/record.js';
import type { AdminContext } from './admin-context.js';
import { change } from './change.js';
import { effectiveProfiles, endpointView, viewEndpoint } from './endpoint-view.js';
import { notFound } from './not-found.js';
import { type ChangeReply, changeReply, route } from './route.js';

const profileChange = z.discriminatedUnion('action', [
  z.strictObject({ action: z.enum(['append', 'remove']), profiles: z.array(parsed(parseProfileName)).min(1) }),
  z.strictObject({
    action: z.literal('set'),
    profiles: z.array(parsed(parseProfileName)).nullable().describe("Empty: none, all is denied. Null: its network's"),
  }),
]);
type ProfileChange = z.infer<typeof profileChange>;

const filter = z.strictObject({
  node: z.string().optional(),
  network: z.string().optional(),
  profile: z.string().optional(),
  label: z.string().optional().describe('KEY or KEY=VALUE'),
});

function matches(context: AdminContext, endpoint: Endpoint, wanted: z.infer<typeof filter>): boolean {
  const { store } = context;
  return (
    (wanted.node === undefined || endpoint.node === wanted.node) &&
    (wanted.network === undefined || store.networkOf(endpoint)?.name === wanted.network) &&
    (wanted.profile === undefined || effectiveProfiles(store, endpoint).some((name) => name === wanted.profile)) &&
    (wanted.label === undefined || hasLabel(endpoint, wanted.label))
  );
}

function hasLabel({ labels }: Endpoint, wanted: string): boolean {
  const at = wanted.indexOf('=');
  const key = at < 0 ? wanted : wanted.slice(0, at);
  return Object.hasOwn(labels, key) && (at < 0 || labels[key] === wanted.slice(at + 1));
}

/** Fewest digits of an id that are looked up: fewer would fit many. */
const MIN_PREFIX = 4;

/** By id, or by a beginning of it that no other has. */
function find({ store }: AdminContext, wanted: string): Versioned<Endpoint> {
  if (!/^[0-9a-f]{1,64}$/.test(wanted) || wanted.length < MIN_PREFIX) {
    throw new InvalidRequestError(
      `${JSON.stringify(wanted.slice(0, 80))} is not an endpoint's id; give at least ${MIN_PREFIX} of its hex digits, as "corduroy endpoint list" shows them`,
    );
  }
  const found = [...filtered(store.endpoints.values(), ({ value }) => value.id.startsWith(wanted))];
  const [only] = found;
  if (only === undefined) {
    throw notFound(
      'endpoint',
      wanted,
      [...store.endpoints.keys()].map((id) => id.slice(0, 12)),
    );
  }
  if (found.length === 1) return only;
  throw new ConflictError(`${found.length} endpoints begin with ${wanted}; give more of the id's digits`);
}

function findByContainer({ store }: AdminContext, wanted: string): readonly Versioned<Endpoint>[] {
  const names = new Set<string>();
  const isWanted = ({ value: { container } }: Versioned<Endpoint>): boolean => {
    if (container === undefined) return false;
    names.add(container.name);
    return container.name === wanted || container.id.startsWith(wanted);
  };
  const found = [...filtered(store.endpoints.values(), isWanted)];
  if (found.length > 0) return found;
  throw notFound('container', wanted, [...names]);
}

function profilesAfter(
  context: AdminContext,
  endpoint: Endpoint,
  wanted: ProfileChange,
): readonly ProfileName[] | undefined {
  if (wanted.action === 'set') return wanted.profiles === null ? undefined : [...new Set(wanted.profiles)];
  const now = effectiveProfiles(context.store, endpoint);
  if (wanted.action === 'append') return [...new Set([...now, ...wanted.profiles])];
  const missing = wanted.profiles.find((name) => !now.includes(name));
  if (missing === undefined) return now.filter((name) => !wanted.profiles.includes(name));
  throw new NotFoundError(
    `endpoint ${endpoint.id.slice(0, 12)} does not bear profile ${missing}: it bears ${now.join(', ') || 'none'}; name one of those`,
  );
}

/** One transaction for all of a container's endpoints; every profile named must exist when it commits. */
function changeProfiles(
  context: AdminContext,
  who: string,
  endpoints: () => readonly Versioned<Endpoint>[],
  wanted: ProfileChange,
): Promise<ChangeReply> {
  return change(context, () => {
    const compares = new Map<string, Compare>();
    const named = wanted.action === 'remove' ? [] : (wanted.profiles ?? []);
    for (const name of named) {
      const profile = context.store.profiles.get(name);
      if (profile === undefined) throw notFound('profile', name, [...context.store.profiles.keys()]);
      compares.set(name, { key: profileKey(name), revision: profile.revision });
    }
    let message = '';
    const writes = endpoints().flatMap(({ value, revision }) => {
      const profiles = profilesAfter(context, value, wanted);
      const { profiles: _, ...rest } = value;
      const after: Endpoint = profiles === undefined ? rest : { ...rest, profiles };
      const shown = effectiveProfiles(context.store, after).join(', ');
      message = `${who} bears ${shown === '' ? 'no profile: all its traffic is denied' : `profiles ${shown}`}`;
      if (String(value.profiles) === String(profiles)) return [];
      const key = endpointKey(value.node, value.id);
      compares.set(key, { key, revision });
      return [{ kind: 'put' as const, key, value: EndpointRecord.encode(after) }];
    });
    return { message, compares: [...compares.values()], writes };
  });
}

const sortKey = ({ container, id }: z.infer<typeof endpointView>): string => `${container?.name ?? '~'} ${id}`;

/** Calls of Docker's wait while the answer is made: some tenths of a second for so many. */
const MOST_LISTED = 10_000;

const tooMany = (found: number): InvalidRequestError =>
  new InvalidRequestError(
    `${found} endpoints fit, and at most ${MOST_LISTED} are listed at once; say which ones, by node, network, profile or label`,
  );

const endpointParams = z.object({ endpoint: z.string() });
const containerParams = z.object({ container: z.string().min(1) });

export const endpointRoutes = [
  route({
    method: 'get',
    path: '/endpoints',
    tag: 'endpoints',
    summary: `Endpoints that fit all filters, by container name and id; at most ${MOST_LISTED}`,
    query: filter,
    response: z.array(endpointView),
    handle: (context, { query }) => {
      const found = [...filtered(context.store.endpoints.values(), ({ value }) => matches(context, value, query))];
      if (found.length > MOST_LISTED) throw tooMany(found.length);
      return found.map(({ value }) => viewEndpoint(context, value)).sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
    },
  }),
  route({
    method: 'get',
    path: '/endpoints/:endpoint',
    tag: 'endpoints',
    summary: 'One endpoint, by id or a beginning of it',
    params: endpointParams,
    response: endpointView,
    handle: (context, { params }) => viewEndpoint(context, find(context, params.endpoint).value),
  }),
  route({
    method: 'post',
    path: '/endpoints/:endpoint/profiles',
    tag: 'endpoints',
    summary: "Change an endpoint's profiles",
    params: endpointParams,
    body: profileChange,
    response: changeReply,
    handle: (context, { params: { endpoint }, body }) =>
      changeProfiles(context, `endpoint ${endpoint}`, () => [find(context, endpoint)], body),
  }),
  route({
    method: 'get',
    path: '/containers/:container',
    tag: 'containers',
    summary: "A container's endpoints, by its name or id",
    params: containerParams,
    response: z.array(endpointView),
    handle: (context, { params }) =>
      findByContainer(context, params.container).map(({ value }) => viewEndpoint(context, value)),
  }),
  route({
    method: 'post',
    path: '/containers/:container/profiles',
    tag: 'containers',
    summary: "Change the profiles of a container's endpoints, of one network or of all",
    params: containerParams,
    query: z.strictObject({ network: z.string().optional() }),
    body: profileChange,
    response: changeReply,
    handle: (context, { params: { container }, query: { network }, body }) =>
      changeProfiles(context, `container ${container}`, () => ofNetwork(context, container, network), body),
  }),
];

function ofNetwork(
  context: AdminContext,
  container: string,
  network: string | undefined,
): readonly Versioned<Endpoint>[] {
  const all = findByContainer(context, container);
  if (network === undefined) return all;
  const networkName = ({ value }: Versioned<Endpoint>) => context.store.networkOf(value)?.name;
  const found = all.filter((endpoint) => networkName(endpoint) === network);
  if (found.length > 0) return found;
  throw new NotFoundError(
    `container ${container} is not on network ${network}: it is on ${all.flatMap((e) => networkName(e) ?? []).join(', ')}; name one of those`,
  );
}
