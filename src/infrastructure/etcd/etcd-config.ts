import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
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
  const authority = await read('etcd.caFile', caFile);
  const rootCertificate = authority ?? Buffer.from(rootCertificates.join('\n'));
  requireCertificates('etcd.caFile', caFile, authority);
  const [own] = requireCertificates('etcd.certFile', certFile, certChain);
  requireKey(keyFile, privateKey, own);
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

function requireCertificates(
  setting: string,
  file: string | undefined,
  pem: Buffer | undefined,
): readonly X509Certificate[] {
  if (pem === undefined) return [];
  const blocks = pem.toString().match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  const remedy = 'name a PEM file of certificates ("-----BEGIN CERTIFICATE-----")';
  if (blocks.length === 0) throw unusable(`${setting} ${file} holds no certificate`, remedy);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw unusable(`${setting} ${file} holds a certificate that cannot be read`, remedy, error);
  }
}

function requireKey(file: string | undefined, pem: Buffer | undefined, certificate: X509Certificate | undefined): void {
  if (pem === undefined) return;
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    const remedy = 'name a PEM file with a private key without a passphrase ("-----BEGIN PRIVATE KEY-----")';
    throw unusable(`etcd.keyFile ${file} holds no key that can be read`, remedy, error);
  }
  if (certificate?.checkPrivateKey(key) === false) {
    throw unusable(`etcd.keyFile ${file} is not the key of etcd.certFile`, 'name the two that belong together');
  }
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
