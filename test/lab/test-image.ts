import { execa } from 'execa';
import type { LabHost } from './host.js';

/** The image of every test container: busybox and nothing else. Its own command stays until stopped, then ends at once. */
export const TEST_IMAGE = 'lab:1';

const COMMANDS = 'sh sleep true false ip ping ping6 nc nslookup wget httpd cat echo hostname ls id ifconfig arp route';

/** Makes the image from this machine's static busybox; no registry is asked. */
export async function addTestImage(host: Pick<LabHost, 'command'>): Promise<void> {
  const root = '/run/lab/image';
  const script = `
    set -e; mkdir -p ${root}/bin ${root}/etc ${root}/tmp ${root}/www; cd ${root}
    cp "$(command -v busybox)" bin/busybox
    for command in ${COMMANDS}; do ln -sf busybox bin/$command; done
    echo 'root:x:0:0:root:/:/bin/sh' >etc/passwd; echo hello >www/index.html
    printf '#!/bin/sh\ntrap "exit 0" TERM\nsleep 1000000 & wait\n' >bin/stay; chmod +x bin/stay
    tar -c . | docker import -c 'CMD ["stay"]' - ${TEST_IMAGE}`;
  const [file, ...rest] = host.command(['sh', '-c', script]);
  await execa(file, rest, { extendEnv: false, env: { PATH: process.env['PATH'], HOME: '/run/lab' } });
}
