import { describe, expect, it, vi } from 'vitest';
import { chooseContext } from '../../src/cli/kubeconfig.ts';
import { ageText, tableText } from '../../src/cli/printing.ts';
import { judgeSync } from '../../src/cli/sync-progress.ts';
import { application, type Given } from '../builders.ts';
import { openFolder, runCli } from './run-cli.ts';

// Each run is a process of its own, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const config = (name: string, more: object = {}) => ({
  'current-context': name,
  contexts: [{ name, context: { cluster: name, user: name, namespace: `${name}-ns` } }],
  clusters: [{ name, cluster: { server: `https://${name}.example`, 'certificate-authority': 'ca.crt' } }],
  users: [{ name, user: { token: `${name}-token`, ...more } }],
});

describe('the kubeconfig', () => {
  it('is that of the current context, its files named from its folder', () => {
    const chosen = chooseContext([{ folder: '/home/me/.kube', config: config('a') }], undefined, 'k');
    if (!chosen.ok) throw new Error('refused');
    expect(chosen.value).toMatchObject({ context: 'a', namespace: 'a-ns' });
    expect(JSON.parse(chosen.value.text)).toMatchObject({
      clusters: [{ cluster: { server: 'https://a.example', 'certificate-authority': '/home/me/.kube/ca.crt' } }],
    });
  });

  it('takes the named context out of several files', () => {
    const files = ['a', 'b'].map((name) => ({ folder: `/${name}`, config: config(name, { exec: { command: './login' } }) }));
    const chosen = chooseContext(files, 'b', 'k');
    if (!chosen.ok) throw new Error('refused');
    expect(JSON.parse(chosen.value.text)).toMatchObject({ users: [{ user: { token: 'b-token', exec: { command: '/b/login' } } }] });
    expect(chosen.value.text).not.toContain('a-token');
  });

  it.each([
    { wanted: 'c', from: config('a'), says: 'has no context c; there are a' },
    { wanted: undefined, from: {}, says: 'has no current-context: name one with --context' },
    { wanted: 'a', from: { ...config('a'), clusters: [] }, says: 'its context a names the cluster a, which is not there' },
  ])('says what is missing: $says', ({ wanted, from, says }) => {
    expect(chooseContext([{ folder: '/', config: from }], wanted, 'k')).toEqual({
      ok: false,
      problems: [{ at: 'k', message: expect.stringContaining(says), error: 'NoContext' }],
    });
  });
});

describe('a sync that is followed', () => {
  type Status = NonNullable<Given<'Application'>['status']>;
  const judge = (status: Status) => judgeSync(application({ annotations: { 'sluice.dev/sync-requested': 'now' }, status })).is;
  const sync = (state: 'Synced' | 'Failed') => ({ state, message: '' });
  const health = (word: 'Healthy' | 'Degraded') => ({ health: word, message: '', since: '2026-01-01T00:00:00Z' });

  it.each<{ status: Status; is: string }>([
    { status: { sync: sync('Synced'), health: health('Healthy') }, is: 'under way' },
    { status: { syncRequested: 'now', sync: sync('Synced'), health: health('Healthy') }, is: 'done' },
    { status: { syncRequested: 'now', sync: sync('Synced'), health: health('Degraded') }, is: 'failed' },
    { status: { syncRequested: 'now', sync: sync('Failed'), health: health('Healthy') }, is: 'failed' },
  ])('is $is', ({ status, is }) => expect(judge(status)).toBe(is));
});

describe('printing', () => {
  it('lets nothing that others wrote steer the terminal', () => {
    expect(tableText(['A'], [['\u001b[31mred\u0007\nnext\u202E']])).toBe('A\n[31mred next\n');
  });

  it.each([
    [5, '5s'],
    [119, '119s'],
    [600, '10m'],
    [3600 * 5, '5h'],
    [86_400 * 3, '3d'],
  ])('says %i seconds as %s', (seconds, text) => expect(ageText(new Date(0).toISOString(), new Date(seconds * 1000))).toBe(text));
});

describe('the exit code', () => {
  it('is 2 without a kubeconfig, and the error says where one was looked for', async () => {
    await using folder = await openFolder({});
    const run = await runCli(['get'], { env: { HOME: folder.path } });
    expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(`${folder.path}/.kube/config does not exist`) });
  });

  it('is 3 when the server cannot be reached, and no token is shown', async () => {
    await using folder = await openFolder({
      'k.yaml': JSON.stringify({ ...config('a'), clusters: [{ name: 'a', cluster: { server: 'https://127.0.0.1:1' } }] }),
    });
    const run = await runCli(['get', 'applications', '--kubeconfig', 'k.yaml'], { cwd: folder.path });
    expect(run).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('127.0.0.1:1') });
    expect(run.stderr).not.toContain('a-token');
  });

  it.each([
    { args: ['--help'], code: 0 },
    { args: ['plan', '--help'], code: 0 },
    { args: ['unknown'], code: 2 },
    { args: ['get', 'pods'], code: 2 },
    { args: ['sync'], code: 2 },
    { args: ['diff'], code: 2 },
  ])('of $args is $code', async ({ args, code }) => expect((await runCli(args)).code).toBe(code));
});
