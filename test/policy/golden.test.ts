import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { setsText, stateText } from '../../policy/restore-text.js';
import { POLICY_CASES } from '../builders/policy-cases.js';
import { engineOf, type World } from '../builders/policy-world.js';

const FOLDER = 'test/golden/policy';

/** Sets first, as `ipset restore` takes them, then the tables of both families. */
function filesOf(name: string, world: World): readonly { readonly path: string; readonly text: string }[] {
  const engine = engineOf(world);
  const [v4, v6] = [engine.state(4), engine.state(6)];
  return [
    { path: `${FOLDER}/${name}.sets.txt`, text: setsText([...v4.sets.values(), ...v6.sets.values()]) },
    { path: `${FOLDER}/${name}.v4.txt`, text: stateText(v4) },
    { path: `${FOLDER}/${name}.v6.txt`, text: stateText(v6) },
  ];
}

// `make golden` writes the files anew; read the difference like code
test.each(Object.entries(POLICY_CASES))('%s compiles to its golden files', (name, world) => {
  for (const { path, text } of filesOf(name, world)) {
    if (process.env['CORDUROY_GOLDEN'] === 'write') {
      mkdirSync(FOLDER, { recursive: true });
      writeFileSync(path, text);
    }
    expect({ path, text: existsSync(path) ? readFileSync(path, 'utf8') : undefined }).toEqual({ path, text });
  }
});
