import { execa } from 'execa';

/** What one endpoint needs, by the commands a first version would run: a veth, a route, two sysctls, chains and a set. */
export interface RivalKernel {
  prepare(): Promise<void>;
  attach(endpoint: string, address: string): Promise<void>;
  detach(endpoint: string, address: string): Promise<void>;
}

const run = async (file: string, words: readonly string[], input?: string): Promise<void> => {
  await execa(file, words, input === undefined ? {} : { input });
};
const command = (line: string): Promise<void> => {
  const [file = '', ...words] = line.split(' ');
  return run(file, words);
};

const prepare = async (): Promise<void> => {
  await command('ipset create rival hash:ip -exist');
};

const attachCommands = (endpoint: string, address: string): readonly string[] => [
  `ip link add riv${endpoint} type veth peer name rvt${endpoint}`,
  `ip link set riv${endpoint} up`,
  `ip route add ${address}/32 dev riv${endpoint}`,
  `sysctl -qw net.ipv4.conf.riv${endpoint}.proxy_arp=1`,
  `sysctl -qw net.ipv4.conf.riv${endpoint}.rp_filter=1`,
  `iptables -N rivto-${endpoint}`,
  `iptables -A rivto-${endpoint} -m set --match-set rival src -j RETURN`,
  `iptables -A rivto-${endpoint} -j DROP`,
  `iptables -N rivfrom-${endpoint}`,
  `iptables -A rivfrom-${endpoint} -s ${address} -j RETURN`,
  `iptables -A rivfrom-${endpoint} -j DROP`,
  `ipset add rival ${address} -exist`,
];

const detachCommands = (endpoint: string, address: string): readonly string[] => [
  `ip link del riv${endpoint}`,
  `iptables -F rivto-${endpoint}`,
  `iptables -X rivto-${endpoint}`,
  `iptables -F rivfrom-${endpoint}`,
  `iptables -X rivfrom-${endpoint}`,
  `ipset del rival ${address} -exist`,
];

/** One process for each command, one after the other. */
export const naiveKernel: RivalKernel = {
  prepare,
  attach: async (endpoint, address) => {
    for (const line of attachCommands(endpoint, address)) await command(line);
  },
  detach: async (endpoint, address) => {
    for (const line of detachCommands(endpoint, address)) await command(line);
  },
};

/** One process for each tool, fed with all of its commands, the tools side by side. */
export const batchedKernel: RivalKernel = {
  prepare,
  attach: async (endpoint, address) => {
    await Promise.all([batchTool('ip', attachCommands(endpoint, address)), restore(attachCommands(endpoint, address))]);
    await Promise.all(
      attachCommands(endpoint, address)
        .filter((line) => line.startsWith('sysctl'))
        .map(command),
    );
    await batchTool('ipset', attachCommands(endpoint, address));
  },
  detach: async (endpoint, address) => {
    await Promise.all([batchTool('ip', detachCommands(endpoint, address)), restore(detachCommands(endpoint, address))]);
    await batchTool('ipset', detachCommands(endpoint, address));
  },
};

function batchTool(tool: 'ip' | 'ipset', lines: readonly string[]): Promise<void> {
  const input = `${lines
    .filter((line) => line.startsWith(`${tool} `))
    .map((line) => line.slice(tool.length + 1))
    .join('\n')}\n`;
  return tool === 'ip'
    ? run('ip', ['-batch', '-'], input)
    : run('ipset', ['restore', '-exist'], input.replaceAll(' -exist', ''));
}

function restore(lines: readonly string[]): Promise<void> {
  const rules = lines.filter((line) => line.startsWith('iptables ')).map((line) => line.slice('iptables '.length));
  return run('iptables-restore', ['--noflush'], `*filter\n${rules.join('\n')}\nCOMMIT\n`);
}
