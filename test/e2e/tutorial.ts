/** One command of a tutorial, at a host's prompt, and what it prints. */
export interface Step {
  readonly host: string;
  readonly command: string;
  /** Without its line end. */
  readonly output: string;
}

const BLOCK = /^```console\n(.*?)^```$/gms;
const PROMPT = /^(h\d+)# (.*)$/;

/** The steps of a page, in order: in its `console` blocks, what follows a prompt `h1# ` up to the next one. */
export function stepsOf(page: string): readonly Step[] {
  return Array.from(page.matchAll(BLOCK), ([, block = '']) => stepsOfBlock(block)).flat();
}

function stepsOfBlock(block: string): readonly Step[] {
  const steps: { host: string; command: string; lines: string[] }[] = [];
  for (const line of block.trimEnd().split('\n')) {
    const [, host, command] = PROMPT.exec(line) ?? [];
    if (host !== undefined && command !== undefined) steps.push({ host, command, lines: [] });
    else steps.at(-1)?.lines.push(line);
  }
  return steps.map(({ host, command, lines }) => ({ host, command, output: lines.join('\n').trimEnd() }));
}

/** The page with other outputs, one for each step. */
export function withOutputs(page: string, outputs: readonly string[]): string {
  const waiting = outputs.values();
  return page.replace(BLOCK, (_, block: string) => {
    const lines = stepsOfBlock(block).map(({ host, command }) => {
      const output: string = waiting.next().value ?? '';
      return `${host}# ${command}\n${output === '' ? '' : `${output}\n`}`;
    });
    return `\`\`\`console\n${lines.join('')}\`\`\``;
  });
}

/**
 * What a run prints with all that differs from run to run named alike: ids by the order in which they appear, moments,
 * durations, hashes.
 *
 * @param names of the run's ids up to now; new ones are added, so that an id has the same name throughout
 */
export function sameInEveryRun(output: string, names: Map<string, string>): string {
  // An endpoint's interface and chains bear the first eleven digits of its id.
  const nameOf = (id: string): string => {
    const start = id.slice(0, 11);
    const name = names.get(start) ?? `<id ${names.size + 1}>`;
    names.set(start, name);
    return name;
  };
  return output
    .replace(/\bcord:[\w-]{16}/g, 'cord:<hash>')
    .replace(/\d{4}-\d\d-\d\d[T ][\d:.]+( [+-]\d{4} UTC|Z)?/g, '<moment>')
    .replace(/([0-9a-f]{2}:){5}[0-9a-f]{2}/g, '<mac>')
    .replace(/(cord|cord-[tf]e-|\b)([0-9a-f]{11,64})\b/g, (_, before: string, id: string) => before + nameOf(id))
    .replace(/= [\d./]+ ms$/gm, '= <times>')
    .replace(/\b\d+(\.\d+)? ?(ms|s|seconds)\b/g, '<time>')
    .replace(/169\.254\.\d+\.\d+/g, '<link-local>')
    .replace(/Size in memory: \d+/g, 'Size in memory: <bytes>')
    .replace(/initval 0x[0-9a-f]+/g, 'initval <number>')
    .replace(/-{3,}/g, '---')
    .replace(/[ \t]+/g, ' ')
    .replace(/ $/gm, '');
}
