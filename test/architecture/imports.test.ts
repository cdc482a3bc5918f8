import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

// build/test/architecture/ -> the project
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** Which folders a folder may import from. The longest matching prefix counts; arrows point one way only. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'src/model': ['src/model'],
  'src/protocol': ['src/model', 'src/protocol', 'src/effects'],
  'src/effects': ['src/model', 'src/effects'],
  'src/config': ['src/model', 'src/config'],
  policy: ['src/model', 'src/effects', 'policy'],
  routing: ['src/model', 'src/effects', 'policy', 'routing'],
  driver: ['src/model', 'src/effects', 'src/protocol', 'driver'],
  'ipam-driver': ['src/model', 'src/effects', 'src/protocol', 'ipam-driver'],
  'src/server': ['src/model', 'src/effects', 'src/protocol', 'src/server', 'src/infrastructure/make-directory.js'],
  'src/infrastructure': ['src/model', 'src/effects', 'src/infrastructure'],
};

/** Folders that do no I/O: they may not import Node's effects or a client library. */
const PURE = ['src/model', 'src/protocol', 'policy'];
const EFFECTS =
  /^(node:(fs|net|http|https|child_process|dgram|os|worker_threads)(\/|$)|execa|dockerode|etcd3|classic-level|express|pino)/;

interface Import {
  readonly file: string;
  readonly from: string;
}

function* sourceFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* sourceFiles(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return Array.from(text.matchAll(/^(?:import|export)\b[^'";]*?from\s+'([^']+)'|\bimport\('([^']+)'\)/gm), (m) => {
    const specifier = m[1] ?? m[2] ?? '';
    const from = specifier.startsWith('.')
      ? relative(ROOT, normalize(join(ROOT, dirname(file), specifier)))
      : specifier;
    return { file, from };
  });
}

const inFolder = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);
const zoneOf = (file: string): string | undefined => Object.keys(ALLOWED).find((zone) => inFolder(file, zone));

const imports = ['src', 'driver', 'ipam-driver', 'policy', 'routing']
  .filter((folder) => existsSync(join(ROOT, folder)))
  .flatMap((folder) => [...sourceFiles(folder)].flatMap(importsOf));

test('arrows between folders point one way', () => {
  const wrong = imports.filter(({ file, from }) => {
    const zone = zoneOf(file);
    const ours = /^(src|driver|ipam-driver|policy|routing|test|bench)\//.test(from);
    return zone !== undefined && ours && !(ALLOWED[zone] ?? []).some((allowed) => inFolder(from, allowed));
  });
  expect(wrong).toEqual([]);
});

test('pure folders import no effect', () => {
  expect(imports.filter(({ file, from }) => PURE.some((zone) => inFolder(file, zone)) && EFFECTS.test(from))).toEqual(
    [],
  );
});

test('nothing outside test and bench imports from them', () => {
  expect(imports.filter(({ from }) => inFolder(from, 'test') || inFolder(from, 'bench'))).toEqual([]);
});

test('the reader of imports sees them', () => {
  expect(imports.length).toBeGreaterThan(50);
});
