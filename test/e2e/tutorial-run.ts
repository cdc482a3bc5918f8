import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { type Step, sameInEveryRun, stepsOf, withOutputs } from './tutorial.js';

/** CORDUROY_GOLDEN=write puts what is printed now into the page. */
const WRITE = process.env['CORDUROY_GOLDEN'] === 'write';

/** Commands that change nothing: asked again until what was begun before has come about. */
const READS =
  /^(corduroy ([a-z]+ )*(status|show|list)|ip |iptables|ipset list|docker (exec|ps|network ls|service (ls|ps)))/;
const SETTLE_MS = 10_000;

type Run = (step: Step) => Promise<string>;

/** Every command of the page prints what stands there, but for what differs from run to run. */
export async function expectPageToHold(file: string, run: Run): Promise<void> {
  const page = readFileSync(file, 'utf8');
  if (WRITE) {
    writeFileSync(file, withOutputs(page, await outputsOf(stepsOf(page), run)));
    return;
  }
  const [wantedNames, names] = [new Map<string, string>(), new Map<string, string>()];
  for (const step of stepsOf(page)) {
    const wanted = sameInEveryRun(step.output, wantedNames);
    const isSo = (output: string) => sameInEveryRun(output, new Map(names)) === wanted;
    const printed = READS.test(step.command) ? await settled(() => run(step), isSo) : await run(step);
    expect(`${step.command}\n${sameInEveryRun(printed, names)}`).toBe(`${step.command}\n${wanted}`);
  }
}

/** Asks until it is so, or there was time enough. */
async function settled(ask: () => Promise<string>, isSo: (output: string) => boolean): Promise<string> {
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const output = await ask();
    if (isSo(output) || Date.now() > deadline) return output;
    await sleep(100);
  }
}

async function outputsOf(steps: readonly Step[], run: Run): Promise<readonly string[]> {
  const outputs: string[] = [];
  for (const step of steps) {
    if (READS.test(step.command)) await sleep(SETTLE_MS / 5);
    outputs.push(await run(step));
  }
  return outputs;
}
