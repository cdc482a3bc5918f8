import type { LoadedConfig } from './corduroy-config.js';
import { CONFIG_KEYS, CONFIG_NAMES, type ConfigKey, type ConfigName, environmentOf, flagOf } from './keys.js';

const keyOf = (name: ConfigName): ConfigKey<unknown> => CONFIG_KEYS[name];

/** What `--print-config` prints: a configuration file that says the same, each line with where its value came from. */
export function printConfig({ values, sources }: LoadedConfig): string {
  const lines = CONFIG_NAMES.map((name) => {
    const value = values[name];
    if (value === undefined && keyOf(name).default === undefined) return `# ${name}:`;
    return `${name}: ${yamlScalar(keyOf(name).type.format(value))}  # ${sources[name]}`;
  });
  return `${lines.join('\n')}\n`;
}

/** The README's table of settings, as Markdown. */
export function configTable(): string {
  const rows = CONFIG_NAMES.map((name) => {
    const { type, description, default: fallback, defaultShown } = keyOf(name);
    const shown = defaultShown ?? (fallback === undefined ? '' : `\`${fallback}\``);
    return `| \`${name}\` | \`${flagOf(name)}\` | \`${environmentOf(name)}\` | ${type.label} | ${shown} | ${description} |`;
  });
  return ['| key | flag | environment | value | default | meaning |', '|---|---|---|---|---|---|', ...rows].join('\n');
}

// Plain where YAML reads it back as the same text.
const yamlScalar = (text: string): string =>
  /^[A-Za-z0-9/][A-Za-z0-9/._-]*(:\/?[A-Za-z0-9/._:-]+)?$/.test(text) ? text : JSON.stringify(text);
