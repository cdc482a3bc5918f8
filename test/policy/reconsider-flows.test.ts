import { describe, expect, test } from '@jest/globals';
import type { Endpoint } from '../../src/model/endpoint.js';
import { parseProfileName, parseTagName } from '../../src/model/ids.js';
import { parseMacAddress } from '../../src/model/mac-address.js';
import { aNetwork, anEndpoint, aProfile, changesOf, engineOf, type World } from '../builders/policy-world.js';

const web = aNetwork('web', ['10.64.0.0/24']);
const own = aProfile('web', { inbound: ['allow from tag web', 'allow from tag x'] });
const before: World = { networks: [web], profiles: [own], endpoints: [anEndpoint(2), anEndpoint(3)] };
const published = [{ protocol: 'tcp' as const, containerPort: 80, hostPort: 8080 }];
const profilesNamed = (...names: readonly string[]) => names.map(parseProfileName);

test('the first time flows are judged, whatever there is', () => {
  expect(engineOf({}).takeChanges().reconsiderFlows).toBe(true);
});

test.each<[string, boolean, World]>([
  ['an endpoint more', false, { endpoints: [anEndpoint(4)] }],
  ['an endpoint that gains a published port', false, { endpoints: [anEndpoint(2, { published })] }],
  ['a profile that nobody here has', false, { profiles: [aProfile('other', {})] }],
  ['a container name that Docker tells', false, { endpoints: [anEndpoint(2, { container: { id: 'c', name: 'n' } })] }],
  ['a tag that no rule speaks of', false, { endpoints: [anEndpoint(2, { tags: [parseTagName('y')] })] }],
  ['audit in the place of enforce', false, { profiles: [{ ...own, mode: 'audit' }] }],
  ['rules that changed', true, { profiles: [aProfile('web', { inbound: [] })] }],
  ['another profile', true, { endpoints: [anEndpoint(2, { profiles: profilesNamed('other') })] }],
  ['a tag that a rule speaks of', true, { endpoints: [anEndpoint(2, { tags: [parseTagName('x')] })] }],
  ['another MAC address', true, { endpoints: [anEndpoint(2, { mac: parseMacAddress('02:00:00:00:00:05') })] }],
  ['a network that becomes internal', true, { networks: [{ ...web, internal: true }] }],
])('%s: %p', (_, expected, change) => {
  const engine = engineOf(before);
  engine.takeChanges();
  const node = changesOf({}).length;
  for (const one of changesOf(change).slice(node)) engine.apply(one);
  expect(engine.takeChanges().reconsiderFlows).toBe(expected);
});

test('what is withdrawn is judged again, an endpoint that goes is not', () => {
  const engine = engineOf({ ...before, endpoints: [anEndpoint(2, { published }), anEndpoint(3)] });
  const reconsiders = (world: World, gone: boolean) => {
    engine.takeChanges();
    for (const change of changesOf(world).slice(1)) {
      engine.apply(gone ? ({ ...change, before: change.after, after: undefined } as typeof change) : change);
    }
    return engine.takeChanges().reconsiderFlows;
  };
  expect(reconsiders({ endpoints: [anEndpoint(2)] }, false)).toBe(true);
  expect(reconsiders({ endpoints: [anEndpoint(3)] }, true)).toBe(false);
  expect(reconsiders({ profiles: [own] }, true)).toBe(true);
  expect(reconsiders({ profiles: [own] }, false)).toBe(false);
});

describe('labels that selectors speak of', () => {
  const known = { id: 'c', name: 'c' };
  const db = (rule: string, labels: Endpoint['labels'], container: Endpoint['container']): World => ({
    networks: [web],
    profiles: [aProfile('web', { inbound: [`${rule} from selector 'role == "db"'`] })],
    endpoints: [anEndpoint(2, { labels, container })],
  });

  test.each<[string, Endpoint['labels'], Endpoint['container'], Endpoint['labels'], Endpoint['container'], boolean]>([
    ['are told at last, and fit', {}, undefined, { role: 'db' }, known, false],
    ['are told at last, and do not fit', {}, undefined, { role: 'web' }, known, false],
    ['do not fit any more', { role: 'db' }, known, { role: 'web' }, known, true],
    ['come to fit', { role: 'web' }, known, { role: 'db' }, known, true],
    ['are known no more', { role: 'web' }, known, {}, undefined, true],
    ['are others', { role: 'db' }, known, { role: 'db', tier: '1' }, known, false],
  ])('%s', (_, labels, container, newLabels, newContainer, expected) => {
    const verdicts = ['allow', 'deny', 'pass'].map((action) => {
      const engine = engineOf(db(action, labels, container));
      engine.takeChanges();
      for (const change of changesOf({ endpoints: [anEndpoint(2, { labels: newLabels, container: newContainer })] })) {
        engine.apply(change);
      }
      return engine.takeChanges().reconsiderFlows;
    });
    expect(verdicts.includes(true)).toBe(expected);
  });
});

test('the same records again change nothing', () => {
  const engine = engineOf(before);
  engine.takeChanges();
  for (const change of changesOf(before)) engine.apply(change);
  expect(engine.takeChanges()).toEqual({ changes: [], reconsiderFlows: false });
});
