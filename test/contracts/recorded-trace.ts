import { readdirSync, readFileSync } from 'node:fs';

/** One request that a real engine made, with the answer of the plugin that was there. */
export interface RecordedCall {
  /** `/NetworkDriver.Join` */
  readonly path: string;
  /** `Join` */
  readonly method: string;
  /** Null: no body. */
  readonly request: Readonly<Record<string, unknown>> | null;
  readonly reply: unknown;
  /** The answer was tampered with. */
  readonly fault: string | undefined;
}

export interface RecordedTrace {
  readonly name: string;
  readonly about: string;
  readonly calls: readonly RecordedCall[];
}

// From build/test/contracts to test/contracts.
const DIRECTORY = new URL('../../../test/contracts/docker-traces/', import.meta.url);

export function recordedTraces(): readonly RecordedTrace[] {
  const files = readdirSync(DIRECTORY).filter((file) => file.endsWith('.jsonl'));
  return files.toSorted().map((file) => {
    const lines = readFileSync(new URL(file, DIRECTORY), 'utf8').trim().split('\n');
    const entries = lines.map((line): Record<string, unknown> => JSON.parse(line));
    return {
      name: file.replace('.jsonl', ''),
      about: String(entries[0]?.['about'] ?? ''),
      calls: entries.filter((entry) => entry['dir'] === 'call').map(toCall),
    };
  });
}

function toCall(entry: Record<string, unknown>): RecordedCall {
  const path = String(entry['path']);
  const fault = entry['fault'];
  return {
    path,
    method: path.slice(path.indexOf('.') + 1),
    request: (entry['request'] ?? null) as RecordedCall['request'],
    reply: entry['reply'],
    fault: typeof fault === 'string' ? fault : undefined,
  };
}
