import { expect, test } from '@jest/globals';
import { redact, withoutLabelValues } from '../../../src/cli/diags/redact.js';

test.each([
  ['a password of BIRD', 'neighbor 10.0.0.1 as 64512;\n  password "hunter2";', 'hunter2'],
  ['JSON', '{"name":"a","password":"hun\\"ter2","next":1}', 'ter2'],
  ['JSON with spaces', '"apiKey" : "hunter2",', 'hunter2'],
  ['YAML', 'etcd:\n  password: hunter2\n', 'hunter2'],
  ['an environment', 'DB_PASSWORD=hunter2 X=1', 'hunter2'],
  ['a name around it', '"traefik.auth.users": "me:hunter2"', 'hunter2'],
  ['a URL', 'https://root:hunter2@10.0.0.1:2379', 'hunter2'],
  ['a private key', '-----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY-----\nrest', 'hunter2'],
  ['a private key without end', '-----BEGIN PRIVATE KEY-----\nhunter2', 'hunter2'],
])('%s is cut', (_, text, secret) => {
  expect(redact(text)).toContain('(cut)');
  expect(redact(text)).not.toContain(secret);
});

test.each([
  '{"hasPassword": true, "name": "web"}',
  '-A cord-fwd -s 10.64.0.2/32 -m comment --comment "cord:x" -j ACCEPT',
  'https://10.0.0.1:2379',
  '10.64.0.0/26 via 10.0.0.2 dev eth0 proto 80',
])('what is no secret stays: %s', (text) => {
  expect(redact(text)).toBe(text);
});

test('what follows a secret stays, so that JSON can be read as before', () => {
  expect(JSON.parse(redact('{"password":"a\\\\","next":"b"}'))).toEqual({ password: '(cut)', next: 'b' });
});

test('labels keep their names, and only values that Docker or we wrote', () => {
  const labels = { role: 'db', 'corduroy.tags': 'web', 'com.docker.compose.service': 'api', 'docker/name': 'one' };
  expect(withoutLabelValues([{ name: 'one', labels, nested: { labels: { x: 'hunter2' } } }])).toEqual([
    { name: 'one', labels: { ...labels, role: '(cut)' }, nested: { labels: { x: '(cut)' } } },
  ]);
});
