import { chmod, copyFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import type { TestNamespace } from '../netns/test-namespace.js';
import type { VmKernel } from './vm-kernel.js';

export interface VmOptions {
  readonly kernel: VmKernel;
  /** Loaded in this order. */
  readonly modules: readonly string[];
  /** What its first process does once modules are loaded, for busybox's sh with iproute2. */
  readonly script: string;
  /** How its one network card is plugged in, for `-nic socket,...`. */
  readonly wire: string;
}

/** A machine with a kernel of its own, emulated. It has no disk, and ends with its script. */
export class VirtualMachine {
  readonly lines: string[] = [];
  readonly ended: Promise<void>;
  readonly #folder: string;
  readonly #kill: () => void;

  private constructor(folder: string, running: ReturnType<TestNamespace['runner']['start']>) {
    this.#folder = folder;
    createInterface({ input: running.stdout }).on('line', (line) => this.lines.push(line.replace(/\r$/, '')));
    running.stderr.resume();
    this.ended = running.ended.then(() => {});
    this.#kill = () => running.kill();
  }

  static async start(namespace: TestNamespace, options: VmOptions): Promise<VirtualMachine> {
    const folder = await mkdtemp(join(tmpdir(), 'corduroy-vm-'));
    const initrd = await initramfs(folder, options);
    const running = namespace.runner.start('qemu-system-x86_64', [
      ...['-accel', 'tcg', '-cpu', 'qemu64', '-m', '192', '-nographic', '-no-reboot'],
      ...['-kernel', options.kernel.image, '-initrd', initrd, '-append', 'console=ttyS0 quiet panic=-1'],
      ...['-nic', `socket,model=e1000,${options.wire}`],
    ]);
    return new VirtualMachine(folder, running);
  }

  async end(): Promise<void> {
    this.#kill();
    await this.ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A file system in memory with busybox, iproute2 and the modules. */
async function initramfs(folder: string, { kernel, modules, script }: VmOptions): Promise<string> {
  const root = join(folder, 'root');
  for (const path of ['bin', 'proc', 'sys', 'modules']) await mkdir(join(root, path), { recursive: true });
  const busybox = (await execa('which', ['busybox'])).stdout;
  await cp(busybox, join(root, 'bin/busybox'), { dereference: true });
  const ip = (await execa('which', ['ip'])).stdout;
  await cp(ip, join(root, 'bin/iproute2'), { dereference: true });
  for (const [library] of (await execa('ldd', [ip])).stdout.matchAll(/\/\S+\.so\S*/g)) {
    await mkdir(join(root, dirname(library)), { recursive: true });
    await cp(library, join(root, library), { dereference: true });
  }
  for (const path of modules) await copyFile(join(kernel.modules, path), join(root, 'modules', basename(path)));
  const init = [
    '#!/bin/busybox sh',
    '/bin/busybox mount -t proc proc /proc; /bin/busybox mount -t sysfs sys /sys',
    ...modules.map((path) => `/bin/busybox insmod /modules/${basename(path)}`),
    script,
    '/bin/busybox poweroff -f',
  ].join('\n');
  await writeFile(join(root, 'init'), `${init}\n`);
  await chmod(join(root, 'init'), 0o755);
  const archive = join(folder, 'initrd');
  await execa('sh', ['-c', `busybox find . | busybox cpio -o -H newc >"${archive}"`], { cwd: root });
  return archive;
}
