const CUT = '(cut)';

/** Names under which people and programs keep what nobody else may know. */
const SECRET_NAME = String.raw`[\w./-]*(?:password|passwd|passphrase|secret|token|credential|api[-_.]?key|auth)[\w./-]*`;

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, CUT],
  // A URL's user and password.
  [/(\/\/)[^/\s"'@]+@/g, `$1${CUT}@`],
  // BIRD's: password "x";
  [/\b(password\s+)"[^"]*"/gi, `$1"${CUT}"`],
  // JSON's and YAML's: "name": "x", name: x; and name=x. What is only true or false, or a number, is no secret.
  [
    new RegExp(
      String.raw`("?${SECRET_NAME}"?\s*[:=]\s*)(?!(?:true|false|null|\d+)\b)("(?:[^"\\]|\\.)*"|[^\s",}]+)`,
      'gi',
    ),
    `$1"${CUT}"`,
  ],
];

/** The text without what looks like a secret, by its form or by the name before it. */
export function redact(text: string): string {
  return PATTERNS.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text);
}

/** Labels whose values Docker or we wrote; anybody may have put anything into the others. */
const KNOWN_LABELS = /^(corduroy\.|docker\/|com\.docker\.)/;

/** The same value in which every `labels` keeps its names, and the values of known ones. */
export function withoutLabelValues(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLabelValues);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      name,
      name === 'labels' && typeof part === 'object' && part !== null ? namesOf(part) : withoutLabelValues(part),
    ]),
  );
}

const namesOf = (labels: object): object =>
  Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name, KNOWN_LABELS.test(name) ? (value as unknown) : CUT]),
  );
