import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { namedByEnvironment, onPath } from '../../tools/machine-programs.ts';

function folderWith(...programs: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const program of programs) {
    writeFileSync(join(folder, program), '');
    chmodSync(join(folder, program), 0o755);
  }
  return folder;
}

it('takes from KUBEBUILDER_ASSETS what is there and nothing else', () => {
  const assets = folderWith('etcd', 'helm');
  expect(namedByEnvironment('etcd', { KUBEBUILDER_ASSETS: assets })).toBe(join(assets, 'etcd'));
  expect(namedByEnvironment('kubectl', { KUBEBUILDER_ASSETS: assets })).toBeUndefined();
  expect(namedByEnvironment('helm', { KUBEBUILDER_ASSETS: assets })).toBeUndefined();
});

it('prefers the variable of the one program', () => {
  const [assets, own] = [folderWith('kube-apiserver'), folderWith('mine')];
  const environment = { KUBEBUILDER_ASSETS: assets, SLUICE_KUBE_APISERVER_BIN: join(own, 'mine') };
  expect(namedByEnvironment('kube-apiserver', environment)).toBe(join(own, 'mine'));
});

it('names the variable whose file does not exist', () => {
  expect(() => namedByEnvironment('helm', { SLUICE_HELM_BIN: '/nowhere/helm' })).toThrow('SLUICE_HELM_BIN=/nowhere/helm: there is no such file');
});

it('finds a program on PATH', () => {
  const folder = folderWith('valkey-server');
  expect(onPath('valkey-server', { PATH: `/nowhere:${folder}` })).toBe(join(folder, 'valkey-server'));
  expect(onPath('redis-server', { PATH: `/nowhere:${folder}` })).toBeUndefined();
});
