import type { LabHost } from '../../test/lab/host.js';

/** The kernel counts processor time in hundredths of a second (USER_HZ). */
const MS_PER_TICK = 10;

/** Ms of processor time so far, of what was started under this name on the host and the children it has waited for. */
export async function processorMs(host: LabHost, name: string): Promise<number> {
  const fields = (await procFile(host, name, 'stat')).replace(/^.*\) /, '').split(' ');
  // After the name: utime, stime, cutime and cstime are the fields 12 to 15.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * MS_PER_TICK, 0);
}

/** A file of its process in /proc. */
export async function procFile(host: LabHost, name: string, file: string): Promise<string> {
  const pid = (await host.run('cat', `/run/lab/${name}.pid`)).trim();
  return host.run('cat', `/proc/${pid}/${file}`);
}
