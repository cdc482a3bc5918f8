import type { HostFacts } from '../../effects/host-facts.js';
import { type CheckSettings, type Finding, found } from './finding.js';

export function checkDocker({ docker }: HostFacts, { dockerSocket, starting }: CheckSettings): Finding[] {
  if (docker.kind === 'slow' && starting) {
    return found('note', 'Docker', `is starting, or busy: ${dockerSocket} takes connections and has not answered yet`);
  }
  if (docker.kind === 'slow') {
    const finding = `does not answer on ${dockerSocket} within ${docker.afterMs} ms`;
    return found('warning', 'Docker', finding, 'systemctl start docker, or set dockerSocket');
  }
  if (docker.kind === 'silent') return found('warning', 'Docker', docker.problem, docker.remedy);
  const [major = 0, minor = 0] = docker.version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 10)) return found('ok', 'Docker', `version ${docker.version}`);
  return found(
    'warning',
    'Docker',
    `version ${docker.version} is older than 20.10, which this is made for`,
    'update it',
  );
}

export function checkPluginSocket({ pluginSocket }: HostFacts, settings: CheckSettings): Finding[] {
  const path = settings.pluginSocket;
  if (settings.socketIsHeld) return found('ok', 'plugin socket', 'is one that systemd listens on for the daemon');
  if (pluginSocket === 'answers') {
    if (!settings.starting) return found('ok', 'plugin socket', `${path} answers`);
    return found(
      'blocker',
      'plugin socket',
      `another program answers on ${path}: a corduroy daemon is running already`,
      'stop it first, or set pluginSocket',
    );
  }
  if (settings.starting) return found('ok', 'plugin socket', `${path} is free`);
  const state = pluginSocket === 'stale' ? 'is left from a daemon that is gone' : 'is not there';
  return found('note', 'plugin socket', `${path} ${state}: no daemon runs`, 'start it: corduroy daemon');
}
