import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { missingFor } from '../lab/needs.js';

/** A Debian kernel and its modules, as its package has them. */
export interface VmKernel {
  readonly image: string;
  readonly modules: string;
}

/** Where a package of the kernel was unpacked (`dpkg -x linux-image-*.deb FOLDER`); absent: that of this machine. */
const FOLDER = process.env['CORDUROY_VM_KERNEL'] ?? '/';

/** The kernel that has all of these modules, or a sentence that tells what is missing. */
export function findVmKernel(modules: readonly string[]): VmKernel | string {
  const missing = missingFor(['qemu-system-x86_64', 'busybox', 'ip']);
  if (missing.length > 0) return `this machine lacks ${missing.join(', ')}`;
  const folder = ['lib/modules', 'usr/lib/modules'].map((path) => join(FOLDER, path)).find((path) => existsSync(path));
  for (const version of folder === undefined ? [] : readdirSync(folder)) {
    const image = join(FOLDER, 'boot', `vmlinuz-${version}`);
    const kernel = { image, modules: join(folder ?? '', version, 'kernel') };
    if (existsSync(image) && modules.every((path) => existsSync(join(kernel.modules, path)))) return kernel;
  }
  return `no kernel with ${modules.join(', ')} in ${FOLDER}: unpack one with "apt-get download linux-image-amd64" and "dpkg -x", and name the folder in CORDUROY_VM_KERNEL`;
}
