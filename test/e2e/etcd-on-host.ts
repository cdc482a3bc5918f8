import type { LabHost } from '../lab/host.js';

const URL = 'http://127.0.0.1:2379';

/** An etcd on a lab host, beside its daemon: what is stored can then be read, and spoilt, while the daemon runs. */
export class EtcdOnHost {
  readonly #host: LabHost;

  private constructor(host: LabHost) {
    this.#host = host;
  }

  static async start(host: LabHost): Promise<EtcdOnHost> {
    const urls = ['--listen-client-urls', URL, '--advertise-client-urls', URL];
    const quick = ['--unsafe-no-fsync', '--logger', 'zap', '--log-level', 'error'];
    const service = host.start('etcd', ['etcd', '--data-dir', '/run/lab/etcd', ...urls, ...quick]);
    const etcd = new EtcdOnHost(host);
    await service.waitUntil(async () => (await etcd.#try('endpoint', 'health')).exitCode === 0, 10_000);
    return etcd;
  }

  #try(...words: readonly string[]) {
    return this.#host.try(['env', 'ETCDCTL_API=3', 'etcdctl', '--endpoints', URL, ...words]);
  }

  async #run(...words: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#try(...words);
    if (exitCode === 0) return stdout;
    throw new Error(`etcdctl ${words.join(' ')}: ${stderr}`);
  }

  /** Every record, by its key. */
  async records(): Promise<ReadonlyMap<string, string>> {
    const { kvs = [] } = JSON.parse(await this.#run('get', '--prefix', '/corduroy', '-w', 'json')) as {
      readonly kvs?: readonly { readonly key: string; readonly value?: string }[];
    };
    const text = (base64: string) => Buffer.from(base64, 'base64').toString('utf8');
    return new Map(kvs.map(({ key, value = '' }) => [text(key), text(value)]));
  }

  async put(key: string, value: string): Promise<void> {
    await this.#run('put', '--', key, value);
  }

  async delete(key: string): Promise<void> {
    await this.#run('del', '--', key);
  }
}
