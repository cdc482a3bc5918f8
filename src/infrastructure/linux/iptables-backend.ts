import type { CommandRunner } from '../../effects/command-runner.js';
import type { PacketFilterBackend } from '../../effects/packet-filter.js';
import { KernelError } from '../../model/errors.js';

/** What the choice is made from. */
export interface BackendEvidence {
  /** Text of iptables-nft-save; undefined if the tool is missing. */
  readonly nftRules: string | undefined;
  /** Text of iptables-legacy-save; undefined if the tool is missing, or the legacy tables are not there: reading them would make them. */
  readonly legacyRules: string | undefined;
  /** What `iptables --version` says; undefined if the tool is missing. */
  readonly version: string | undefined;
  readonly tools: ReadonlySet<PacketFilterBackend>;
}

/**
 * The backend that this host's own firewall uses: ours must be the same, because an accept in one never undoes a drop in
 * the other. Docker's chains decide, then the number of rules, then what `iptables` itself points to.
 */
export function chooseBackend(evidence: BackendEvidence): PacketFilterBackend {
  const { nftRules, legacyRules, tools } = evidence;
  if (tools.size === 0) {
    throw new KernelError('iptables is not installed: install it with: apt-get install iptables', 'ENOENT');
  }
  const candidates: PacketFilterBackend[] = [];
  if (hasDocker(nftRules)) candidates.push('nft');
  if (hasDocker(legacyRules)) candidates.push('legacy');
  const [only, another] = candidates;
  if (only !== undefined && another === undefined) return only;
  const byCount = ruleCount(nftRules) - ruleCount(legacyRules);
  if (byCount !== 0) return byCount > 0 ? 'nft' : 'legacy';
  const native: PacketFilterBackend = evidence.version?.includes('legacy') ? 'legacy' : 'nft';
  return tools.has(native) ? native : native === 'nft' ? 'legacy' : 'nft';
}

export async function detectBackend(runner: CommandRunner, legacyTableNames: string): Promise<PacketFilterBackend> {
  const text = async (program: string, args: readonly string[]): Promise<string | undefined> => {
    try {
      const { exitCode, stdout } = await runner.run(program, args);
      return exitCode === 0 ? stdout : undefined;
    } catch (error) {
      if (error instanceof KernelError && error.detail === 'ENOENT') return undefined;
      throw error;
    }
  };
  const [nftVersion, legacyVersion, version] = await Promise.all([
    text('iptables-nft', ['--version']),
    text('iptables-legacy', ['--version']),
    text('iptables', ['--version']),
  ]);
  const tools = new Set<PacketFilterBackend>();
  if (nftVersion !== undefined) tools.add('nft');
  if (legacyVersion !== undefined) tools.add('legacy');
  const [nftRules, legacyRules] = await Promise.all([
    tools.has('nft') ? text('iptables-nft-save', []) : undefined,
    tools.has('legacy') && legacyTableNames.trim() !== '' ? text('iptables-legacy-save', []) : undefined,
  ]);
  return chooseBackend({ nftRules, legacyRules, version, tools });
}

const hasDocker = (rules: string | undefined): boolean =>
  rules !== undefined && /^:DOCKER(-USER|-FORWARD)? /m.test(rules);
/** Others' rules: ours follow the choice, they do not make it. */
const ruleCount = (rules: string | undefined): number =>
  rules?.split('\n').filter((line) => line.startsWith('-A ') && !line.includes('cord')).length ?? 0;
