import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Datastore, WatchUpdate } from '../../src/effects/datastore.js';
import { silentLogger } from '../../src/effects/logger.js';
import { openDatastore } from '../../src/infrastructure/open-datastore.js';
import { eventually } from '../contracts/eventually.js';
import { type Certificates, makeCertificates } from './certificates.js';
import { EtcdServer, etcdMissing } from './etcd-server.js';
import { AGENT_PASSWORD, demandUsers } from './etcd-users.js';

if (etcdMissing !== undefined) console.warn(`the etcd security suite is skipped: ${etcdMissing}`);
const withEtcd = etcdMissing === undefined ? describe : describe.skip;

const write = (key: string) => ({ compares: [], writes: [{ kind: 'put', key, value: '1' }] }) as const;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'corduroy-etcd-security-'));
  await writeFile(join(directory, 'password'), `${AGENT_PASSWORD}\n`);
  await writeFile(join(directory, 'wrong'), 'battery-staple');
});
afterAll(() => rm(directory, { recursive: true }));

describe('files that are not what their settings say', () => {
  let files: Certificates;
  beforeAll(async () => {
    files = await makeCertificates(directory, 'agent');
    await writeFile(join(directory, 'garbage'), '\0\u001b[2Jgarbage\n');
    await writeFile(join(directory, 'hollow'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  });

  test.each([
    ['caFile', 'garbage', /etcd\.caFile \/.*\/garbage holds no certificate; name a PEM file of certificates/],
    ['caFile', 'hollow', /etcd\.caFile \/.*\/hollow holds a certificate that cannot be read; name a PEM/],
    ['certFile', 'garbage', /etcd\.certFile \/.*\/garbage holds no certificate; name a PEM file of certificates/],
    [
      'keyFile',
      'garbage',
      /etcd\.keyFile \/.*\/garbage holds no key that can be read; name a PEM file with a private key/,
    ],
    ['keyFile', 'server key', /etcd\.keyFile \/.* is not the key of etcd\.certFile; name the two that belong together/],
  ])('%s: %s', async (setting, content, says) => {
    const right = { caFile: files.ca, certFile: files.clientCert, keyFile: files.clientKey };
    const file = content === 'server key' ? files.key : join(directory, content);
    const config = { kind: 'etcd', endpoints: ['https://127.0.0.1:1'], ...right, [setting]: file } as const;
    await expect(openDatastore(config, silentLogger)).rejects.toThrow(says);
  });
});

withEtcd('with client certificates', () => {
  let etcd: EtcdServer;
  let files: Certificates;
  beforeAll(async () => {
    files = await makeCertificates(directory, 'agent');
    etcd = await EtcdServer.start({ tls: files });
    await demandUsers((...words) => etcd.etcdctl(...words));
  });
  afterAll(() => etcd.destroy());

  const open = (config: object): Promise<Datastore> =>
    openDatastore({ kind: 'etcd', endpoints: [etcd.endpoint], ...config }, silentLogger);

  test('the certificate is the user: it writes, reads and watches what it may, and is refused the rest', async () => {
    const store = await open({ caFile: files.ca, certFile: files.clientCert, keyFile: files.clientKey });
    const updates: WatchUpdate[] = [];
    store.watch('/corduroy/v1/', (update) => updates.push(update));
    await eventually(() => expect(updates).toHaveLength(1));
    expect((await store.transact(write('/corduroy/v1/a'))).kind).toBe('committed');
    expect(await store.get('/corduroy/v1/a')).toMatchObject({ value: '1' });
    await eventually(() => expect(updates).toHaveLength(2));
    await expect(store.transact(write('/elsewhere'))).rejects.toThrow(
      /refuses us: .*permission denied; see that .* of a user with read and write permission on \/corduroy\/v1\//,
    );
    await store.close();
  });

  test.each([
    ['no certificate of ours', () => ({ caFile: files.ca })],
    ['an authority that did not sign its certificate', () => ({ caFile: files.clientCert })],
  ])('with %s etcd is unavailable within the deadline, and the reason says why', async (_, config) => {
    const store = await open(config());
    const health = store.health();
    expect(health).toMatchObject({
      kind: 'unavailable',
      reason: expect.stringMatching(/certificate|SSL|TLS|closed|read/i),
    });
    await expect(store.get('/corduroy/v1/a')).rejects.toThrow(/^etcd at https:.* cannot be used: /);
    await store.close();
  });
});

withEtcd('with a user and a password', () => {
  const TOKEN_SECONDS = 1;
  let etcd: EtcdServer;
  beforeAll(async () => {
    etcd = await EtcdServer.start({ tokenSeconds: TOKEN_SECONDS });
    await demandUsers((...words) => etcd.etcdctl(...words));
    etcd.identifyBy('--user', 'root:root');
  });
  afterAll(() => etcd.destroy());

  const open = (passwordFile: string): Promise<Datastore> =>
    openDatastore(
      { kind: 'etcd', endpoints: [etcd.endpoint], username: 'agent', passwordFile: join(directory, passwordFile) },
      silentLogger,
    );

  test('calls and watches go on after a restart, at which etcd forgets every token', async () => {
    const store = await open('password');
    const keys = new Set<string>();
    store.watch('/corduroy/v1/', (update) => {
      for (const { key } of update.kind === 'snapshot' ? update.items : update.changes) keys.add(key);
    });
    await store.transact(write('/corduroy/v1/before'));
    await etcd.stop();
    await etcd.start();
    await eventually(async () => {
      expect((await store.transact(write('/corduroy/v1/after'))).kind).toBe('committed');
    });
    await eventually(() => expect([...keys].sort()).toEqual(['/corduroy/v1/after', '/corduroy/v1/before']));
    await store.close();
  });

  test('a token that has expired is replaced, and the call that finds it out succeeds', async () => {
    const store = await open('password');
    const keys: string[] = [];
    store.watch('/corduroy/v1/late', (update) => {
      if (update.kind === 'changes') keys.push(...update.changes.map(({ key }) => key));
    });
    await store.transact(write('/corduroy/v1/early'));
    // etcd looks for expired tokens once a second.
    await new Promise((resolve) => setTimeout(resolve, (TOKEN_SECONDS + 1.5) * 1_000));
    expect((await store.transact(write('/corduroy/v1/late'))).kind).toBe('committed');
    expect(store.health()).toEqual({ kind: 'connected' });
    await eventually(() => expect(keys).toEqual(['/corduroy/v1/late']));
    await store.close();
  });

  test('a wrong password is told as that, and appears nowhere', async () => {
    const store = await open('wrong');
    const error: unknown = await store.get('/corduroy/v1/a').catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(
      /refuses us: .*authentication failed.*; see that etcd.username and etcd.passwordFile/,
    );
    expect(String(error)).not.toContain('battery-staple');
    await store.close();
  });
});

describe('settings that cannot work are refused with the remedy', () => {
  const http = ['http://127.0.0.1:1'];
  const https = ['https://127.0.0.1:1'];
  test.each([
    [
      { endpoints: https, caFile: '/nowhere/ca.pem' },
      /etcd\.caFile cannot be read: .*\/nowhere\/ca\.pem.*; correct the path/,
    ],
    [{ endpoints: https, certFile: '/a' }, /etcd\.certFile is set without etcd\.keyFile; set both/],
    [{ endpoints: https, passwordFile: '/a' }, /etcd\.passwordFile is set without etcd\.username; set both/],
    [{ endpoints: http, caFile: '/a' }, /etcd\.endpoints are http; write them with https/],
    [{ endpoints: [...http, ...https] }, /etcd\.endpoints mix http and https; write all of them with https/],
  ])('%j', async (config, message) => {
    await expect(openDatastore({ kind: 'etcd', ...config }, silentLogger)).rejects.toThrow(message);
  });
});
