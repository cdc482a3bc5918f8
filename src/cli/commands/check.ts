import type { Command } from 'commander';
import type { Finding } from '../../server/check/finding.js';
import { DaemonNotRunning, EXIT } from '../failure.js';
import { examples } from '../help-text.js';
import type { Terminal } from '../terminal.js';

type Shown = Omit<Finding, 'fix'> & { readonly fix: string | null };

/** `corduroy check`: asks the daemon, and looks for itself where none runs. */
export function defineCheck(check: Command, terminal: Terminal): void {
  examples(
    check.action(async () => {
      const findings = await fromDaemon(terminal);
      if (findings.some(({ level }) => level === 'blocker')) terminal.exitCode = EXIT.failed;
      if (!(await terminal.data(findings))) terminal.text(formatFindings(findings, terminal));
    }),
    ['corduroy check', 'corduroy check -o json'],
  );
}

async function fromDaemon(terminal: Terminal): Promise<readonly Shown[]> {
  try {
    return await terminal.client.get<Shown[]>('/check');
  } catch (error) {
    if (!(error instanceof DaemonNotRunning)) throw error;
    const { checkThisHost } = await import('../check-this-host.js');
    const { loadConfig } = await import('../../config/load-config.js');
    const findings = await checkThisHost(
      loadConfig({ flags: new Map(), environment: terminal.streams.environment }).config,
      { starting: false },
    );
    return findings.map(({ fix, ...finding }) => ({ ...finding, fix: fix ?? null }));
  }
}

const COLOURS = { ok: 'green', note: 'bold', warning: 'yellow', blocker: 'red' } as const;

function formatFindings(findings: readonly Shown[], terminal: Terminal): string {
  return findings
    .map(({ level, subject, finding, fix }) => {
      const line = `${terminal.paint(COLOURS[level], level.padEnd(8))} ${subject}: ${finding}\n`;
      return fix === null ? line : `${line}${' '.repeat(9)}fix: ${fix}\n`;
    })
    .join('');
}
