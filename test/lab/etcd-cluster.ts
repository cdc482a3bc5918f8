import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../contracts/eventually.js';
import { type Certificates, makeCertificates } from '../etcd/certificates.js';
import { AGENT_PASSWORD, demandUsers, ROOT_LOGIN } from '../etcd/etcd-users.js';
import { EtcdMember } from './etcd-member.js';
import type { Outside } from './outside.js';

/** `certificates`: TLS, and the client certificate is the user. `password`: TLS, a user and a password. */
export type EtcdSecurity = 'none' | 'certificates' | 'password';

const run = promisify(execFile);
const START_MS = 15_000;
/** A user's token is forgotten after so long without use. etcd's own is 300. */
const TOKEN_SECONDS = 5;

/** A real etcd of several members, each with an address of its own in the outside: 10.99.0.201 and up. */
export class EtcdCluster {
  readonly members: readonly EtcdMember[];
  readonly #outside: Outside;
  readonly #directory: string;
  readonly #security: EtcdSecurity;
  readonly #files: Certificates | undefined;
  #login: readonly string[] = [];

  private constructor(
    outside: Outside,
    directory: string,
    options: Required<EtcdClusterOptions>,
    files?: Certificates,
  ) {
    this.#outside = outside;
    this.#directory = directory;
    this.#security = options.security;
    this.#files = files;
    const addresses = addressesOf(options.members);
    const scheme = files === undefined ? 'http' : 'https';
    const peers = addresses.map((address) => `m-${address}=http://${address}:2380`).join(',');
    this.members = addresses.map(
      (address) =>
        new EtcdMember(outside, address, scheme, [
          ...['--name', `m-${address}`, '--data-dir', join(directory, address), '--initial-cluster', peers],
          ...[
            '--listen-peer-urls',
            `http://${address}:2380`,
            '--initial-advertise-peer-urls',
            `http://${address}:2380`,
          ],
          ...['--unsafe-no-fsync', '--logger', 'zap', '--log-level', 'fatal'],
          ...['--auth-token-ttl', `${TOKEN_SECONDS}`],
          ...(files === undefined ? [] : ['--cert-file', files.cert, '--key-file', files.key]),
          ...(files !== undefined && options.security === 'certificates'
            ? ['--trusted-ca-file', files.ca, '--client-cert-auth']
            : []),
        ]),
    );
  }

  static async start(
    outside: Outside,
    { members = 1, security = 'none' }: EtcdClusterOptions = {},
  ): Promise<EtcdCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'corduroy-lab-etcd-'));
    const addresses = addressesOf(members);
    const files = security === 'none' ? undefined : await makeCertificates(directory, 'agent', addresses);
    await writeFile(join(directory, 'password'), `${AGENT_PASSWORD}\n`);
    const cluster = new EtcdCluster(outside, directory, { members, security }, files);
    try {
      for (const address of addresses) await outside.addAddress(address);
      for (const member of cluster.members) member.start();
      await cluster.healthy();
      if (security !== 'none') {
        await demandUsers((...words) => cluster.etcdctl(...words));
        cluster.#login = ['--user', ROOT_LOGIN];
      }
    } catch (error) {
      await cluster.destroy();
      throw error;
    }
    return cluster;
  }

  /** What our daemon must be told to use it. */
  get daemonFlags(): readonly string[] {
    const endpoints = this.members.map(({ endpoint }) => endpoint).join(',');
    const always = ['--datastore', 'etcd', '--etcd-endpoints', endpoints];
    if (this.#files === undefined) return always;
    const { ca, clientCert, clientKey } = this.#files;
    const proof =
      this.#security === 'certificates'
        ? ['--etcd-cert-file', clientCert, '--etcd-key-file', clientKey]
        : ['--etcd-username', 'agent', '--etcd-password-file', join(this.#directory, 'password')];
    return [...always, '--etcd-ca-file', ca, ...proof];
  }

  /** Run at any member that answers, or at the one that is named by its endpoint. */
  async etcdctl(...command: string[]): Promise<string> {
    return this.#etcdctlAt(this.members, command);
  }

  async #etcdctlAt(members: readonly EtcdMember[], command: readonly string[]): Promise<string> {
    const files = this.#files;
    const [file, ...rest] = this.#outside.command([
      ...['etcdctl', '--endpoints', members.map(({ endpoint }) => endpoint).join(','), '--command-timeout', '2s'],
      ...(files ? ['--cacert', files.ca, '--cert', files.clientCert, '--key', files.clientKey] : []),
      ...this.#login,
      ...command,
    ]);
    const { stdout } = await run(file, rest, { env: { ...process.env, ETCDCTL_API: '3' } });
    return stdout;
  }

  /** Resolves when every member answers. */
  async healthy(): Promise<void> {
    await eventually(() => this.etcdctl('endpoint', 'health').then(() => undefined), START_MS);
  }

  async leader(): Promise<EtcdMember> {
    for (const member of this.members) {
      const answer = await this.#etcdctlAt([member], ['endpoint', 'status', '-w', 'json']).catch(() => undefined);
      if (answer === undefined) continue;
      const [status] = JSON.parse(answer) as [{ Status: { header: { member_id: number }; leader: number } }];
      if (status.Status.header.member_id === status.Status.leader) return member;
    }
    throw new Error('no member of the etcd cluster says that it leads');
  }

  /** Every record of ours, by its key. */
  async records(): Promise<ReadonlyMap<string, string>> {
    const { kvs = [] } = JSON.parse(await this.etcdctl('get', '--prefix', '/corduroy', '-w', 'json')) as {
      readonly kvs?: readonly { readonly key: string; readonly value?: string }[];
    };
    const text = (base64: string) => Buffer.from(base64, 'base64').toString('utf8');
    return new Map(kvs.map(({ key, value = '' }) => [text(key), text(value)]));
  }

  /** Forgets all history before this moment. */
  async compact(): Promise<void> {
    await this.etcdctl('put', '/compaction', 'now');
    const { header } = JSON.parse(await this.etcdctl('get', '/compaction', '-w', 'json')) as {
      readonly header: { readonly revision: number };
    };
    await this.etcdctl('compaction', `${header.revision}`);
  }

  async killAll(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
  }

  async freezeAll(): Promise<void> {
    await Promise.all(this.members.map((member) => member.freeze()));
  }

  /** Whatever a test did to its members: all run again, and answer when this resolves. */
  async revive(): Promise<void> {
    for (const member of this.members) member.revive();
    await this.healthy();
  }

  async destroy(): Promise<void> {
    await this.killAll();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

export interface EtcdClusterOptions {
  readonly members?: 1 | 3;
  readonly security?: EtcdSecurity;
}

const addressesOf = (members: number): readonly string[] =>
  Array.from({ length: members }, (_, index) => `10.99.0.${201 + index}`);
