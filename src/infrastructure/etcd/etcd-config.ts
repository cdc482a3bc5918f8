import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import type { IOptions } from 'etcd3';
import { DatastoreUnavailableError, describeError } from '../../model/errors.js';

/** How etcd is reached: `https` endpoints with a client certificate, or a user and a password, or neither. */
export interface EtcdConfig {
  /** `http://` or `https://`, host and port; at least one. */
  readonly endpoints: readonly string[];
  /** PEM files, as the next two. Absent: the authorities that Node trusts. */
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
}

/** What etcd3 needs to prove who we are and to check who answers. */
export type EtcdCredentials = Pick<IOptions, 'credentials' | 'auth'>;

/** @throws DatastoreUnavailableError naming the setting whose file cannot be read, or that lacks its other half */
export async function readEtcdCredentials(config: EtcdConfig): Promise<EtcdCredentials> {
  const { endpoints, caFile, certFile, keyFile, username, passwordFile } = config;
  requireBoth('etcd.certFile', certFile, 'etcd.keyFile', keyFile);
  requireBoth('etcd.username', username, 'etcd.passwordFile', passwordFile);
  const secure = endpoints.filter((endpoint) => endpoint.startsWith('https://')).length;
  if (secure === 0 && (caFile ?? certFile) !== undefined) {
    throw unusable('etcd.caFile and etcd.certFile are set but etcd.endpoints are http', 'write them with https://');
  }
  if (secure > 0 && secure < endpoints.length) {
    throw unusable('etcd.endpoints mix http and https', 'write all of them with https://');
  }
  const password = await read('etcd.passwordFile', passwordFile);
  const privateKey = await read('etcd.keyFile', keyFile);
  const certChain = await read('etcd.certFile', certFile);
  const rootCertificate = (await read('etcd.caFile', caFile)) ?? Buffer.from(rootCertificates.join('\n'));
  return {
    ...(secure > 0 && { credentials: { rootCertificate, ...(privateKey && certChain && { privateKey, certChain }) } }),
    ...(username !== undefined &&
      password !== undefined && { auth: { username, password: password.toString().replace(/\r?\n$/, '') } }),
  };
}

function requireBoth(oneName: string, one: unknown, otherName: string, other: unknown): void {
  if ((one === undefined) === (other === undefined)) return;
  const [set, missing] = one === undefined ? [otherName, oneName] : [oneName, otherName];
  throw unusable(`${set} is set without ${missing}`, `set both, or neither`);
}

async function read(setting: string, file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file);
  } catch (error) {
    throw unusable(`${setting} cannot be read: ${describeError(error)}`, 'correct the path or its permissions', error);
  }
}

const unusable = (what: string, remedy: string, cause?: unknown): DatastoreUnavailableError =>
  new DatastoreUnavailableError(`etcd cannot be reached with these settings: ${what}; ${remedy}`, { cause });
