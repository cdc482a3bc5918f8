import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PEM files of an authority, a server, and a client of the given common name. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

/** Made with openssl, in `directory`; valid for a day, and for a server at any of the addresses. */
export async function makeCertificates(
  directory: string,
  clientName: string,
  addresses: readonly string[] = ['127.0.0.1'],
): Promise<Certificates> {
  const file = (name: string): string => join(directory, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    ...['req', '-x509', ...newKey, '-days', '1', '-subj', '/CN=authority'],
    ...['-keyout', file('ca.key'), '-out', file('ca.pem')],
  ]);
  const sign = async (name: string, commonName: string): Promise<void> => {
    const extensions = file(`${name}.ext`);
    const names = ['DNS:localhost', ...addresses.map((address) => `IP:${address}`)];
    await writeFile(extensions, `subjectAltName=${names.join(',')}\n`);
    await run('openssl', [
      ...['req', ...newKey, '-subj', `/CN=${commonName}`],
      ...['-keyout', file(`${name}.key`), '-out', file(`${name}.csr`)],
    ]);
    await run('openssl', [
      ...['x509', '-req', '-days', '1', '-in', file(`${name}.csr`), '-extfile', extensions],
      ...['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-out', file(`${name}.pem`)],
    ]);
  };
  await sign('server', 'etcd');
  await sign('client', clientName);
  return {
    ca: file('ca.pem'),
    cert: file('server.pem'),
    key: file('server.key'),
    clientCert: file('client.pem'),
    clientKey: file('client.key'),
  };
}
