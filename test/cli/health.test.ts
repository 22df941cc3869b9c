import { expect, it, vi } from 'vitest';
import { jsonOf, openFolder, runCli } from './run-cli.ts';

// Each run is a process of its own, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop, generation: 2 }
spec: { replicas: 2 }
status: { observedGeneration: 2, replicas: 2, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 }
`;
const documents = `${deployment}---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: shop }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop }
status: { phase: Active }
`;

it('prints one line for each document, in their order', async () => {
  await using folder = await openFolder({ 'object.yaml': documents });
  const run = await runCli(['health', '-f', 'object.yaml', '-o', 'json'], { cwd: folder.path });
  expect(run).toMatchObject({ code: 0, stderr: '' });
  expect(jsonOf(run)).toEqual([
    { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web', health: 'Progressing', message: expect.any(String), kstatus: 'InProgress' },
    { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'settings', health: 'Healthy', message: expect.any(String), kstatus: 'Current' },
    { apiVersion: 'v1', kind: 'Namespace', namespace: '', name: 'shop', health: 'Healthy', message: expect.any(String), kstatus: 'Current' },
  ]);
});

it('reads standard input, lists taken apart', async () => {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }] });
  expect(jsonOf(await runCli(['health', '-f', '-', '-o', 'json'], { input: list }))).toMatchObject([{ kind: 'ConfigMap', name: 'a', namespace: '' }]);
});

it('prints a table for people', async () => {
  const run = await runCli(['health', '-f', '-'], { input: documents });
  expect(run.stdout.split('\n')[0]).toMatch(/^KIND +NAMESPACE +NAME +HEALTH +KSTATUS +MESSAGE$/);
  expect(run.stdout).toMatch(/^Deployment +shop +web +Progressing +InProgress /m);
});

it.each([
  { what: 'a file that is not there', args: ['-f', 'nowhere.yaml'], input: '', says: 'nowhere.yaml: does not exist: correct the path' },
  { what: 'a folder', args: ['-f', '/tmp'], input: '', says: '/tmp: is a folder: name a file, or - for standard input' },
  { what: 'no object', args: ['-f', '-'], input: '# nothing\n', says: 'standard input: holds no object' },
  { what: 'what is no YAML', args: ['-f', '-'], input: 'a: [', says: 'standard input:1: is not valid YAML' },
  {
    what: 'an object without a name',
    args: ['-f', '-'],
    input: 'apiVersion: v1\nkind: Pod\nmetadata: {}\n',
    says: 'standard input:1: metadata.name is missing',
  },
  { what: 'a format that there is not', args: ['-f', '-', '-o', 'xml'], input: '', says: "argument 'xml' is invalid" },
  { what: 'no file at all', args: [], input: '', says: "required option '-f, --filename <file...>' not specified" },
])('refuses $what with exit code 2, and prints no answer', async ({ args, input, says }) => {
  const run = await runCli(['health', ...args], { input });
  expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(says) });
});
