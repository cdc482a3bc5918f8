/**
 * A program: publishes a plugin that is in a registry once more, as another version of the program: the number in its
 * package.json is replaced by one of the same length. A second build would take much longer for the same.
 *
 *   newer-plugin-version.js FROM TO OLD NEW      references HOST:PORT/NAME:TAG of one registry, and version numbers
 */
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';

interface Descriptor {
  readonly mediaType: string;
  readonly size: number;
  readonly digest: string;
}

interface Manifest {
  readonly config: Descriptor;
  /** A plugin's one layer. More would not do here: the engine applies them in the order in which they arrive. */
  readonly layers: readonly [Descriptor];
}

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const [from = '', to = '', old = '', newer = ''] = process.argv.slice(2);
const [, registry = '', name = '', tag = ''] = /^([^/]+)\/(.+):([^:]+)$/.exec(from) ?? [];
const base = `http://${registry}/v2/${name}`;

async function ask(url: string, init?: RequestInit): Promise<Buffer> {
  const answer = await fetch(url, init);
  const body = Buffer.from(await answer.arrayBuffer());
  if (!answer.ok) throw new Error(`${init?.method ?? 'GET'} ${url}: ${answer.status} ${body.toString()}`);
  return body;
}

async function read<T>(url: string): Promise<T> {
  return JSON.parse((await ask(url, { headers: { accept: MANIFEST } })).toString()) as T;
}

const digestOf = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;

async function upload(mediaType: string, content: Buffer): Promise<Descriptor> {
  const digest = digestOf(content);
  const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
  const place = new URL(begun.headers.get('location') ?? '', base);
  place.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream' };
  await ask(place.href, { method: 'PUT', headers, body: new Uint8Array(content) });
  return { mediaType, size: content.length, digest };
}

/** In place: a tar file has no checksum of the contents of its files. */
function replaceVersion(tar: Buffer): void {
  const text = (version: string) => `"name": "corduroy",\n  "version": "${version}"`;
  const at = tar.indexOf(text(old));
  if (at < 0 || newer.length !== old.length) throw new Error(`the plugin has no package.json of version ${old}`);
  tar.write(text(newer), at);
}

const manifest = await read<Manifest>(`${base}/manifests/${tag}`);
const config = await read<object>(`${base}/blobs/${manifest.config.digest}`);
const [layer] = manifest.layers;
const tar = gunzipSync(await ask(`${base}/blobs/${layer.digest}`));
replaceVersion(tar);
const newLayer = await upload(layer.mediaType, gzipSync(tar, { level: 1 }));
const newConfig = { ...config, rootfs: { type: 'layers', diff_ids: [digestOf(tar)] } };
const newManifest = {
  ...manifest,
  config: await upload(manifest.config.mediaType, Buffer.from(JSON.stringify(newConfig))),
  layers: [newLayer],
};
await ask(`${base}/manifests/${to.slice(to.lastIndexOf(':') + 1)}`, {
  method: 'PUT',
  headers: { 'content-type': MANIFEST },
  body: JSON.stringify(newManifest),
});
