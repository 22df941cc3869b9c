import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliError, cliErrorOf, cliErrors } from '../../src/cli/errors.ts';
import { seeError } from '../../src/cli/see.ts';
import { sluice } from '../../src/cli/sluice.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import type { Json } from '../../src/model/json.ts';
import { application, cluster } from '../builders.ts';
import { openFolder } from './run-cli.ts';

type Answers = Readonly<Record<string, { readonly status: number; readonly body: Json }>>;

const plain = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;
const refusal = (status: number) => ({ status, body: { kind: 'Status', apiVersion: 'v1', message: 'says the server' } });
const found = (value: unknown) => ({ status: 200, body: plain(value) });
const applications = '/apis/sluice.dev/v1alpha1/namespaces/shop/applications';
const web = `${applications}/web`;
const pending = application({ annotations: { 'sluice.dev/sync-requested': 'now' } });
const failed = application({ status: { sync: { state: 'Failed', failures: 1, message: 'why' } } });
const inFile = (spec: object = {}) =>
  JSON.stringify({ apiVersion: 'sluice.dev/v1alpha1', kind: 'Application', metadata: { name: 'web' }, spec: { ...application().spec, ...spec } });
const configMap = (namespace: string, annotation = '') => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c, namespace: ${namespace}${annotation} }\n`;
const unclear = `${configMap('a')}---\n${configMap('b')}`;
const hook = configMap('shop', ', annotations: { "argocd.argoproj.io/hook": PreSync }');
const discovery = { '/api': found({ kind: 'APIGroupDiscoveryList', items: [] }), '/apis': found({ kind: 'APIGroupDiscoveryList', items: [] }) };

type Case = {
  readonly error: CliError;
  readonly words: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly answers?: Answers;
  readonly environment?: Readonly<Record<string, string>>;
  readonly change?: Partial<Terminal>;
};

const cases: readonly Case[] = [
  { error: 'WrongUsage', words: ['get', '--nope'] },
  { error: 'UnknownKind', words: ['get', 'bananas'] },
  { error: 'UnknownName', words: ['get', 'app', 'a/b/c'] },
  { error: 'UnknownWord', words: ['explain', 'Fine'] },
  { error: 'NotFound', words: ['get', 'app', 'web'], answers: { [web]: refusal(404) } },
  { error: 'OtherRelease', words: ['get', 'app', 'web'], answers: { [web]: found({ ...application(), spec: {} }) } },
  { error: 'Suspended', words: ['sync', 'web'], answers: { [web]: found(application({ spec: { suspend: true } })) } },
  { error: 'SyncFailed', words: ['sync', 'web', '--wait'], answers: { [web]: found(failed) } },
  { error: 'SyncUnfinished', words: ['sync', 'web', '--wait'], answers: { [web]: found(pending) } },
  { error: 'KubeconfigUnreadable', words: ['get', '--kubeconfig', 'none'] },
  { error: 'NoContext', words: ['get', '--context', 'none'] },
  { error: 'NoApplication', words: ['diff'] },
  { error: 'ApplicationRefused', words: ['diff', '-f', 'a.json'], files: { 'a.json': inFile({ suspend: 'yes' }) } },
  {
    error: 'DestinationNeeded',
    words: ['diff', 'web'],
    answers: { [web]: found(application()), '/apis/sluice.dev/v1alpha1/namespaces/shop/clusters/staging': found(cluster()) },
  },
  { error: 'NoServiceAccount', words: ['diff', '-f', 'a.json', '--impersonate'], files: { 'a.json': inFile({ serviceAccountName: undefined }) } },
  { error: 'NoWorkTree', words: ['diff', '-f', 'a.json'], files: { 'a.json': inFile() } },
  { error: 'DryRunRefused', words: ['diff', '-f', 'a.json', '--path', 'app'], files: { 'a.json': inFile(), 'app/c.yaml': hook }, answers: discovery },
  { error: 'FileUnreadable', words: ['render', 'none'] },
  { error: 'NoObject', words: ['plan', '-f', 'empty.yaml'], files: { 'empty.yaml': '# nothing\n' } },
  { error: 'ManifestRefused', words: ['health', '-f', 'bad.yaml'], files: { 'bad.yaml': 'a: [' } },
  { error: 'RenderFailed', words: ['render', 'app'], files: { 'app/bad.yaml': 'a: [' } },
  { error: 'ValuesOutside', words: ['render', 'app', '--values', '/etc/hostname'], files: { 'app/Chart.yaml': 'name: a\nversion: 1.0.0\n', '.git/HEAD': '' } },
  {
    error: 'ToolMissing',
    words: ['render', 'app'],
    files: { 'app/kustomization.yaml': 'resources: []\n' },
    environment: { SLUICE_KUSTOMIZE_BIN: '/none/kustomize' },
  },
  {
    error: 'AmbiguousObjects',
    words: ['plan', '-f', 'c.yaml', '--live', 'live.yaml'],
    files: { 'c.yaml': configMap('').replace(', namespace: ', ''), 'live.yaml': unclear },
  },
  { error: 'AnswerRefused', words: ['init', '--repository-url', 'git@git.example:acme/shop.git'] },
  { error: 'TokenNeeded', words: ['init', '--repository-url', 'http://127.0.0.1:1/acme/shop.git', '--token-file', 'token'], files: { token: 'two words' } },
  { error: 'GitHostFailed', words: ['init', '--repository-url', 'http://127.0.0.1:1/acme/shop.git'] },
  { error: 'Unreachable', words: ['get', 'app', 'web', '--context', 'nobody'] },
  { error: 'Conflict', words: ['get', 'app', 'web'], answers: { [web]: refusal(409) } },
  { error: 'Unauthorized', words: ['get', 'app', 'web'], answers: { [web]: refusal(401) } },
  { error: 'Forbidden', words: ['get', 'apps'], answers: { [applications]: refusal(403) } },
  { error: 'NotServed', words: ['get', 'apps'], answers: { [applications]: refusal(404) } },
  { error: 'Invalid', words: ['get', 'app', 'web'], answers: { [web]: refusal(422) } },
  {
    error: 'ToolFailed',
    words: ['render', 'app'],
    files: { 'app/kustomization.yaml': 'resources: []\n' },
    environment: { SLUICE_KUSTOMIZE_BIN: '/bin/false' },
  },
  {
    error: 'Bug',
    words: ['explain'],
    change: {
      print: () => {
        throw new TypeError('a mistake');
      },
    },
  },
  { error: 'Interrupted', words: ['get', 'app', 'web'], change: { signal: AbortSignal.abort(new Error('received SIGINT')) } },
];

describe('every error of the command line', () => {
  let answers: Answers = {};
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const { status, body } = answers[path] ?? refusal(404);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  beforeAll(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
  afterAll(() => new Promise((resolve) => void server.close(resolve).closeAllConnections()));

  const kubeconfig = (): string =>
    JSON.stringify({
      'current-context': 'hub',
      contexts: ['hub', 'nobody'].map((name) => ({ name, context: { cluster: name, user: 'me', namespace: 'shop' } })),
      clusters: [
        { name: 'hub', cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } },
        { name: 'nobody', cluster: { server: 'http://127.0.0.1:1' } },
      ],
      users: [{ name: 'me', user: { token: 'token' } }],
    });

  it.each(cases)(
    '$error: ends with its exit code, and its last line leads to its entry',
    async ({ error, words, files = {}, answers: given = {}, environment = {}, change = {} }) => {
      answers = given;
      await using folder = await openFolder({ ...files, kubeconfig: kubeconfig() });
      let notes = '';
      let now = Date.UTC(2026, 0, 1);
      const terminal: Terminal = {
        folder: folder.path,
        home: folder.path,
        environment: { PATH: process.env.PATH, KUBECONFIG: `${folder.path}/kubeconfig`, ...environment },
        print: () => {},
        note: (text) => void (notes += text),
        readStandardInput: async () => new Uint8Array(),
        ask: undefined,
        showsOnScreen: false,
        // An hour goes by with every look at the clock.
        now: () => new Date((now += 3_600_000)),
        signal: new AbortController().signal,
        ...change,
      };
      expect({ exitCode: await sluice(words, terminal), notes }).toEqual({ exitCode: cliErrors[error].exitCode, notes: expect.stringMatching(/./) });
      expect(notes.slice(-seeError(error).length)).toBe(seeError(error));
    },
  );

  /** They need a Git host and a cluster: see test/contract/init.test.ts and test/cli/init/destination-access.test.ts. */
  const onRealParts: readonly CliError[] = ['NothingToDeploy', 'OutputExists', 'NoAccountToken', 'NotReady'];

  it('is run above or on real parts, but for a server that takes its time', () => {
    expect([...cases.map(({ error }) => error), ...onRealParts, 'Timeout'].toSorted()).toEqual(Object.keys(cliErrors).toSorted());
    expect(cliErrorOf({ port: 'hub', code: 'TIMEOUT' })).toBe('Timeout');
  });
});
