export const AGENT_PASSWORD = 'correct-horse';
/** For etcdctl, after `demandUsers`. */
export const ROOT_LOGIN = 'root:root';

/** From now on etcd answers users only: `agent` may read and write /corduroy/v1/ and nothing else, `root` everything. */
export async function demandUsers(etcdctl: (...words: string[]) => Promise<unknown>): Promise<void> {
  await etcdctl('role', 'add', 'corduroy');
  await etcdctl('role', 'grant-permission', '--prefix', 'corduroy', 'readwrite', '/corduroy/v1/');
  await etcdctl('user', 'add', `agent:${AGENT_PASSWORD}`);
  await etcdctl('user', 'grant-role', 'agent', 'corduroy');
  await etcdctl('user', 'add', ROOT_LOGIN);
  await etcdctl('user', 'grant-role', 'root', 'root');
  await etcdctl('auth', 'enable');
}
