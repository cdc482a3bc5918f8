import { chmod, copyFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { TestNamespace } from '../netns/test-namespace.js';
import type { VmKernel } from './vm-kernel.js';

/** What it needs to reach this machine's files and its network card, in the order in which they need each other. */
export const WHOLE_MACHINE_MODULES = [
  ...['virtio_ring', 'virtio', 'virtio_pci_legacy_dev', 'virtio_pci_modern_dev', 'virtio_pci'].map(
    (name) => `drivers/virtio/${name}.ko`,
  ),
  ...['net/core/failover.ko', 'drivers/net/net_failover.ko', 'drivers/net/virtio_net.ko'],
  ...['fs/netfs/netfs.ko', 'fs/fscache/fscache.ko', 'net/9p/9pnet.ko', 'net/9p/9pnet_virtio.ko', 'fs/9p/9p.ko'],
  'fs/overlayfs/overlay.ko',
];

const INIT = fileURLToPath(new URL('../../../test/vm/whole-init.sh', import.meta.url));
/** Of the shell that whole-init.sh starts for each connection. */
const SHELL_PORT = '99';
const MEMORY_MB = 1_536;

export interface WholeMachineOptions {
  readonly kernel: VmKernel;
  readonly name: string;
  /** Of its card, with prefix length. */
  readonly address: string;
  /** In the namespace: what its card is plugged into. */
  readonly tap: string;
}

/**
 * A machine with a kernel of its own, emulated, and with this machine's programs: it sees this machine's files, and
 * what it changes stays in its memory.
 */
export class WholeMachine {
  readonly name: string;
  /** What it said on its console. */
  readonly lines: string[] = [];
  readonly #namespace: TestNamespace;
  readonly #address: string;
  readonly #folder: string;
  readonly #running: ReturnType<TestNamespace['runner']['start']>;

  private constructor(
    namespace: TestNamespace,
    { name, address }: WholeMachineOptions,
    folder: string,
    running: ReturnType<TestNamespace['runner']['start']>,
  ) {
    this.name = name;
    this.#namespace = namespace;
    this.#address = address.replace(/\/.*/, '');
    this.#folder = folder;
    this.#running = running;
    createInterface({ input: running.stdout }).on('line', (line) => this.lines.push(line.replace(/\r$/, '')));
    running.stderr.resume();
  }

  /** Resolves when it has booted. */
  static async start(namespace: TestNamespace, options: WholeMachineOptions): Promise<WholeMachine> {
    const folder = await mkdtemp(join(tmpdir(), 'corduroy-vm-'));
    const { kernel, name, address, tap } = options;
    const modules = dirname(dirname(kernel.modules));
    const words = `console=ttyS0 quiet panic=-1 lab.name=${name} lab.address=${address} lab.modules=${modules}`;
    const mac = `52:54:00:00:00:${address.replace(/\/.*/, '').split('.').at(-1)?.padStart(2, '0')}`;
    const running = namespace.runner.start('qemu-system-x86_64', [
      ...['-accel', 'tcg', '-cpu', 'qemu64', '-m', `${MEMORY_MB}`, '-nographic', '-no-reboot'],
      ...['-kernel', kernel.image, '-initrd', await initramfs(folder, kernel), '-append', words],
      ...['-virtfs', 'local,path=/,mount_tag=machine,security_model=none,readonly=on,multidevs=remap'],
      ...['-nic', `tap,ifname=${tap},script=no,downscript=no,model=virtio-net-pci,mac=${mac}`],
    ]);
    const machine = new WholeMachine(namespace, options, folder, running);
    // The firmware ends no line of its own.
    const hasBooted = () => machine.lines.some((line) => line.includes('BOOTED'));
    await machine.until('it has booted', hasBooted).catch(async (error: unknown) => {
      await machine.end();
      throw error;
    });
    return machine;
  }

  /** What a script of bash's says there. @throws with all that it said, if it ends with a failure */
  async run(script: string): Promise<string> {
    const shell = this.#namespace.runner.start('busybox', ['nc', this.#address, SHELL_PORT]);
    let said = '';
    shell.stdout.on('data', (part) => {
      said += String(part);
    });
    shell.stderr.resume();
    shell.stdin.end(`{ ${script}\n} 2>&1; echo "exit $?"; exit\n`);
    await shell.ended;
    const end = said.lastIndexOf('exit ');
    if (said.slice(end) === 'exit 0\n') return said.slice(0, end);
    throw new Error(`on ${this.name}: ${script}: ${said}`);
  }

  /** Asks until it is so. @throws after four minutes */
  async until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 240_000;
    while (!(await isSo())) {
      if (Date.now() > deadline) throw new Error(`${this.name}: not so: ${what}\n${this.lines.slice(-20).join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  async end(): Promise<void> {
    this.#running.kill();
    await this.#running.ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A file system in memory that leads to that of this machine. */
async function initramfs(folder: string, kernel: VmKernel): Promise<string> {
  const root = join(folder, 'root');
  for (const path of ['bin', 'proc', 'sys', 'dev', 'modules', 'lower', 'changes', 'new']) {
    await mkdir(join(root, path), { recursive: true });
  }
  await cp((await execa('which', ['busybox'])).stdout, join(root, 'bin/busybox'), { dereference: true });
  for (const path of WHOLE_MACHINE_MODULES) {
    await copyFile(join(kernel.modules, path), join(root, 'modules', basename(path)));
  }
  const init = `#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
for module in ${WHOLE_MACHINE_MODULES.map((path) => basename(path)).join(' ')}; do $b insmod /modules/$module; done
$b mount -t 9p -o trans=virtio,version=9p2000.L,cache=loose,ro,msize=512000 machine /lower
$b mount -t tmpfs tmpfs /changes; $b mkdir /changes/upper /changes/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/changes/upper,workdir=/changes/work overlay /new
for place in proc sys dev; do $b mount --move /$place /new/$place; done
exec $b switch_root /new /bin/bash ${INIT}
`;
  await writeFile(join(root, 'init'), init);
  await chmod(join(root, 'init'), 0o755);
  const archive = join(folder, 'initrd');
  await execa('sh', ['-c', `busybox find . | busybox cpio -o -H newc >"${archive}"`], { cwd: root });
  return archive;
}
