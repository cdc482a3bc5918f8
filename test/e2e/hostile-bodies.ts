import { recordedTraces } from '../contracts/recorded-trace.js';

type Json = unknown;

/** What stands in a field's place: wrong types, and texts that somebody might take for a path, a command or a number. */
const ABSURDITIES: readonly Json[] = [
  null,
  7,
  -1,
  1.5,
  1e308,
  true,
  '',
  ' ',
  'x',
  [],
  {},
  [[[[[]]]]],
  '../../../etc/passwd',
  "'; iptables -F; '",
  'line\nbreak\r\nand "quotes"',
  'null\u0000byte',
  '\u202Eünïcödé \u{1F4A5}',
  '10.0.0.0/999',
  '0x7f.1',
  '-A cord-forward -j ACCEPT',
  '__proto__',
  JSON.parse('{"__proto__":{"polluted":true}}'),
];
/** Only in one place of each request, for its size. */
const HUGE = 'f'.repeat(1_000_000);

export interface HostileRequest {
  readonly path: string;
  readonly about: string;
  readonly body: string;
}

/** One good request of each method and shape that a real engine was recorded to send. */
export function goodRequests(): ReadonlyMap<string, Readonly<Record<string, Json>>> {
  const shapes = new Map<string, Readonly<Record<string, Json>>>();
  for (const { path, request } of recordedTraces().flatMap(({ calls }) => calls)) {
    if (request === null) continue;
    const shape = `${path} ${fieldsOf(request).join(' ')}`;
    // The recording plugin's address space, as ours is called: so that a request gets as far as it can.
    const ours = JSON.parse(JSON.stringify(request).replaceAll('RecLocal', 'CorduroyLocal')) as typeof request;
    if (!shapes.has(shape)) shapes.set(shape, ours);
  }
  return shapes;
}

/** Each field of each recorded request, left out or put wrong in every way. */
export function* mutations(): Generator<HostileRequest> {
  const seen = new Set<string>();
  for (const [shape, request] of goodRequests()) {
    const [path = ''] = shape.split(' ');
    for (const field of fieldsOf(request)) {
      if (seen.has(`${path} ${field}`)) continue;
      seen.add(`${path} ${field}`);
      for (const value of [undefined, ...ABSURDITIES]) {
        const about = `${path} ${field} = ${JSON.stringify(value)}`;
        yield { path, about, body: JSON.stringify(replaced(request, field.split('|'), value)) };
      }
      yield {
        path,
        about: `${path} ${field} of 1 MB`,
        body: JSON.stringify(replaced(request, field.split('|'), HUGE)),
      };
    }
  }
}

/** `Interface|Address`: the way to each value inside. Only the first of a list's items counts. */
function fieldsOf(value: Json, before: readonly string[] = []): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const entries = Array.isArray(value) ? Object.entries(value.slice(0, 1)) : Object.entries(value);
  return entries.flatMap(([key, inner]) => [[...before, key].join('|'), ...fieldsOf(inner, [...before, key])]);
}

function replaced(value: Json, [field, ...rest]: readonly string[], by: Json): Json {
  if (field === undefined) return by;
  if (Array.isArray(value)) return value.map((item, index) => (`${index}` === field ? replaced(item, rest, by) : item));
  const copy = { ...(value as Record<string, Json>) };
  copy[field] = replaced(copy[field], rest, by);
  return copy;
}
