import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const MODULE = new URL('../../../src/infrastructure/etcd/threaded-etcd-datastore.js', import.meta.url).href;
const SAYS = /the thread that speaks to etcd failed \(.*startsWith.*\), and this process ends with it: start it again/;

test('a thread that fails ends the process, and says why', async () => {
  const program = `import('${MODULE}').then(async ({ ThreadedEtcdDatastore }) => {
    const store = new ThreadedEtcdDatastore({ endpoints: [null], credentials: {} }, console);
    await store.asked().catch(() => {});
    setTimeout(() => process.exit(0), 5_000);
  });`;
  const run = promisify(execFile)(process.execPath, ['-e', program], { env: {} });
  await expect(run).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(SAYS) });
});
