import type { Redis } from 'ioredis';
import type { QueueMark } from '../workers/nudges.ts';

// The mark holds the run id of the server that it was set on: a server restarted from a snapshot, or a replica that took over, has another one
// and may have lost the newest nudges although the key is there.
const claimScript = `
local mark = redis.call('GET', KEYS[1])
if mark == ARGV[1] then return 'whole' end
if mark and mark ~= ARGV[2] and string.sub(mark, 1, 10) == 'restoring:' then return 'claimed by another' end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 'claimed'`;
const renewScript = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 1`;
const settleScript = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end redis.call('SET', KEYS[1], ARGV[2]) return 1`;

/** The mark as one Redis key. `within` gives a question its deadline and turns its failure into a PortError. */
export function openRedisMark(redis: Redis, key: string, within: <T>(ask: () => Promise<T>) => Promise<T>): QueueMark {
  const whole = async () => `whole:${/^run_id:(\w+)/m.exec(await redis.info('server'))?.[1] ?? ''}`;
  const claimOf = (claimant: string) => `restoring:${claimant}`;
  return {
    claim: (claimant, leaseMs) =>
      within(async () => {
        const answer = await redis.eval(claimScript, 1, key, await whole(), claimOf(claimant), leaseMs);
        return answer === 'whole' || answer === 'claimed' ? answer : 'claimed by another';
      }),
    async renew(claimant, leaseMs) {
      await within(() => redis.eval(renewScript, 1, key, claimOf(claimant), leaseMs));
    },
    settle: (claimant) => within(async () => (await redis.eval(settleScript, 1, key, claimOf(claimant), await whole())) === 1),
    onConnected(listener) {
      redis.on('ready', listener);
    },
  };
}
