import type { RedisFacts } from '../../adapters/redis-probe.ts';
import { type Finding, fail, ok, skipped, warn } from './finding.ts';

/** `loopback`: only this machine can reach it. `withPassword`: one was given. */
export type RedisSetting = { readonly address: string; readonly loopback: boolean; readonly withPassword: boolean };

/** BullMQ refuses older ones, and advises this one. Source: bullmq's RedisConnection. */
const leastVersion = '5.0.0';
const advisedVersion = '6.2.0';

export function judgeRedis({ address, loopback, withPassword }: RedisSetting, { info, withoutPassword }: RedisFacts): readonly Finding[] {
  const about = `Redis ${address}`;
  const subject = { check: 'Redis', about };
  if (!info.answered) return [fail(subject, saysOf(info.reason), mendOf(info.reason, withPassword))];
  const fields = fieldsOf(info.text);
  const version = fields.get('redis_version') ?? '';
  return [
    ok(subject, 'answers'),
    judgeVersion(about, version, fields.get('valkey_version')),
    judgePassword(about, loopback, withoutPassword.answered),
    judgePolicy(about, fields.get('maxmemory_policy')),
  ];
}

const fieldsOf = (info: string): ReadonlyMap<string, string> =>
  new Map(
    info.split(/\r?\n/).flatMap((line): [string, string][] => {
      const cut = line.indexOf(':');
      return line.startsWith('#') || cut < 0 ? [] : [[line.slice(0, cut), line.slice(cut + 1)]];
    }),
  );

function saysOf(reason: string): string {
  if (reason === 'NOAUTH') return 'asks for a password, and none was given';
  if (reason === 'WRONGPASS') return 'refuses the password';
  if (reason === 'NOPERM') return 'does not let this user ask INFO';
  return `cannot be reached (${reason})`;
}

function mendOf(reason: string, withPassword: boolean): string {
  if (reason === 'NOAUTH' || reason === 'WRONGPASS')
    return `${withPassword ? 'correct' : 'put'} the password in SLUICE_REDIS_URL: redis://:PASSWORD@host:6379, with %-codes for special characters`;
  if (reason === 'NOPERM') return 'let its ACL user run INFO: the queues ask it when they connect';
  return 'see that it runs and that SLUICE_REDIS_URL names it; rediss: is for TLS';
}

function judgeVersion(about: string, version: string, valkey: string | undefined): Finding {
  const subject = { check: 'Redis version', about };
  const name = valkey === undefined ? `Redis ${version}` : `Valkey ${valkey} (as Redis ${version})`;
  if (version === '') return skipped(subject, 'it does not say its version');
  if (isOlder(version, leastVersion)) return fail(subject, `${name} is too old for the queues`, `use Redis ${advisedVersion} or newer, or Valkey`);
  return isOlder(version, advisedVersion)
    ? warn(subject, `${name} works, with fewer commands than the queues like`, `use Redis ${advisedVersion} or newer, or Valkey`)
    : ok(subject, name);
}

function isOlder(version: string, than: string): boolean {
  const [left, right] = [version, than].map((text) => text.split('.').map(Number));
  for (const index of [0, 1, 2]) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function judgePassword(about: string, loopback: boolean, letsEverybodyIn: boolean): Finding {
  const subject = { check: 'Redis password', about };
  if (!letsEverybodyIn) return ok(subject, 'lets nobody in without a password');
  if (loopback) return ok(subject, 'lets everybody in, but only from this machine');
  return fail(
    subject,
    'lets everybody in: whoever reaches it can command every cluster',
    'set requirepass or an ACL user there, and put the password into SLUICE_REDIS_URL',
  );
}

function judgePolicy(about: string, policy: string | undefined): Finding {
  const subject = { check: 'Redis memory', about };
  if (policy === undefined) return skipped(subject, 'it does not say its maxmemory-policy');
  if (policy === 'noeviction') return ok(subject, 'maxmemory-policy noeviction');
  return fail(
    subject,
    `maxmemory-policy ${policy} throws away parts of queues when memory is short`,
    'CONFIG SET maxmemory-policy noeviction, and the same in its configuration file',
  );
}
