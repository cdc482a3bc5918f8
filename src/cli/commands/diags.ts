import type { Command } from 'commander';
import { examples } from '../help-text.js';
import type { Terminal } from '../terminal.js';

/** `corduroy diags`: works with and without a daemon. */
export function defineDiags(diags: Command, terminal: Terminal): void {
  examples(
    diags
      .option('-f, --file <path>', 'where to write it; default: corduroy-diags-HOST-TIME.tar.gz, here')
      .action(async ({ file }: { file?: string }) => {
        const { writeArchive } = await import('../diags/write-archive.js');
        const archive = await writeArchive(terminal.client, file);
        if (await terminal.data(archive)) return;
        const size = Math.ceil(archive.bytes / 1024);
        terminal.text(
          `wrote ${archive.file} (${archive.files.length} files, ${size} KiB)\n` +
            'passwords, keys and the values of container labels are cut; names and addresses are in it\n',
        );
      }),
    ['corduroy diags', 'corduroy diags --file /tmp/diags.tar.gz'],
  );
}
