import { parseDocument } from 'yaml';
import { InvalidRequestError } from '../model/errors.js';

/**
 * The settings of a YAML file as `name -> text`, with nested maps joined by dots: `etcd: {caFile: x}` is `etcd.caFile`.
 *
 * @throws InvalidRequestError with line and column for text that is not YAML, or that is not a map of plain values
 */
export function readConfigText(file: string, yaml: string): ReadonlyMap<string, string> {
  const document = parseDocument(yaml, { prettyErrors: false });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const line = yaml.slice(0, problem.pos[0]).split('\n').length;
    throw new InvalidRequestError(`${file} is not YAML: line ${line}: ${problem.message}; correct the line`);
  }
  const content: unknown = document.toJS({ maxAliasCount: 0 });
  const settings = new Map<string, string>();
  if (content === null || content === undefined) return settings;
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw new InvalidRequestError(`${file} holds no settings: write lines of the form "logLevel: debug"`);
  }
  flatten(file, '', content, settings);
  return settings;
}

function flatten(file: string, prefix: string, content: object, settings: Map<string, string>): void {
  for (const [name, value] of Object.entries(content)) {
    const path = `${prefix}${name}`;
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) {
      flatten(file, `${path}.`, value, settings);
    } else {
      if (settings.has(path)) throw new InvalidRequestError(`${file} gives ${path} twice; keep one of them`);
      settings.set(path, plainText(file, path, value));
    }
  }
}

function plainText(file: string, path: string, value: unknown): string {
  const parts = Array.isArray(value) ? value : [value];
  if (parts.length > 0 && parts.every((p) => ['string', 'number', 'boolean'].includes(typeof p)))
    return parts.join(',');
  throw new InvalidRequestError(
    `${path} in ${file} has no plain value; write one after the colon, or take the line out`,
  );
}
