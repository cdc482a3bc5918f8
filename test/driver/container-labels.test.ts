import { describe, expect, test } from '@jest/globals';
import { readContainer } from '../../driver/container-labels.js';
import { withContainer } from '../../driver/endpoint-marks.js';
import { parseProfileName, parseTagName } from '../../src/model/ids.js';
import { aContainer, anEndpoint } from '../builders/docker.js';

describe('labels of a container', () => {
  const read = (labels: Readonly<Record<string, string>>) => readContainer(aContainer({ labels }));

  test('name its profiles in order, and its tags', () => {
    const marks = read({ 'corduroy.profiles': 'db, web,db', 'corduroy.tags': 'blue' });
    expect(marks).toEqual({
      profiles: ['db', 'web'],
      tags: ['blue'],
      labels: { 'docker/name': 'web-1', 'docker/image': 'nginx:1' },
      problems: [],
    });
  });

  test.each([
    ['absent', {}],
    ['empty', { 'corduroy.profiles': '' }],
    ['nothing but commas', { 'corduroy.profiles': ' , ' }],
  ])('that are %s leave the profiles to the network', (_, labels) => {
    expect(read(labels).profiles).toBeUndefined();
  });

  test('that cannot be read leave no profile at all, and a sentence', () => {
    const { profiles, problems } = read({ 'corduroy.profiles': 'web,not a name' });
    expect(profiles).toEqual([]);
    expect(problems).toEqual([
      expect.stringMatching(/corduroy\.profiles of container web-1.*"not a name".*nothing is allowed/),
    ]);
  });

  test('with a tag that cannot be one lose that tag only', () => {
    const { tags, problems } = read({ 'corduroy.tags': 'blue,sky blue' });
    expect([tags, problems.length]).toEqual([['blue'], 1]);
  });

  test("are kept as they are when a selector can name them, Compose's too", () => {
    const labels = {
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'web',
      'a key with spaces': 'x',
      long: 'x'.repeat(2_000),
    };
    expect(read(labels).labels).toEqual({
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'web',
      'docker/name': 'web-1',
      'docker/image': 'nginx:1',
    });
  });

  test('are bounded in all', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, 'x'.repeat(1_000)]));
    expect(JSON.stringify(read(many).labels).length).toBeLessThan(18_000);
  });

  test('cannot pretend another name', () => {
    expect(read({ 'docker/name': 'other' }).labels['docker/name']).toBe('web-1');
  });
});

describe('an endpoint whose container is told', () => {
  const labelled = aContainer({ labels: { 'corduroy.profiles': 'db', 'corduroy.tags': 'blue', tier: 'back' } });

  test('keeps what was chosen for itself, and takes what the container says besides', () => {
    const chosen = anEndpoint({
      profiles: [parseProfileName('own')],
      tags: [parseTagName('red')],
      labels: { tier: 'front' },
    });
    expect(withContainer(chosen, labelled).endpoint).toEqual({
      ...chosen,
      container: { id: labelled.id, name: 'web-1' },
      containerProfiles: ['db'],
      tags: ['red', 'blue'],
      labels: { tier: 'front', 'docker/name': 'web-1', 'docker/image': 'nginx:1' },
    });
  });

  test('is the same object when it is told again', () => {
    const { endpoint } = withContainer(anEndpoint(), labelled);
    expect(withContainer(endpoint, labelled).endpoint).toBe(endpoint);
  });

  test('follows a new name, and nothing else', () => {
    const { endpoint } = withContainer(anEndpoint(), labelled);
    const renamed = withContainer(endpoint, { ...labelled, name: 'web-2', labels: {} }).endpoint;
    expect(renamed).toEqual({
      ...endpoint,
      container: { id: labelled.id, name: 'web-2' },
      labels: { ...endpoint.labels, 'docker/name': 'web-2' },
    });
  });
});
