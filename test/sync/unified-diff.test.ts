import { expect, it } from 'vitest';
import { unifiedDiff } from '../../src/sync/unified-diff.ts';

const secret = (data: Record<string, string>, annotations: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 's', namespace: 'shop', annotations },
  data,
});
const diffOf = (before: object | null, after: object | null) => unifiedDiff({ title: 'Secret shop/s', before, after });

it('is empty when nothing differs that a manifest says', () => {
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c', resourceVersion: '1', labels: { 'sluice.dev/application': 'x' } },
    data: { a: '1' },
    status: {},
  };
  const after = { data: { a: '1' }, metadata: { name: 'c', resourceVersion: '2', generation: 3 }, kind: 'ConfigMap', apiVersion: 'v1' };
  expect(unifiedDiff({ title: 'c', before: object, after })).toBe('');
});

it('is a unified diff with three lines around', () => {
  const object = (a: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { a } });
  expect(unifiedDiff({ title: 'ConfigMap c', before: object('1'), after: object('2') })).toBe(
    'diff ConfigMap c\n--- live/ConfigMap c\n+++ wanted/ConfigMap c\n@@ -1,6 +1,6 @@\n apiVersion: v1\n data:\n-  a: "1"\n+  a: "2"\n kind: ConfigMap\n metadata:\n   name: c\n',
  );
});

it('shows what is made and what is removed against /dev/null', () => {
  expect(diffOf(null, secret({}))).toMatch(/^--- \/dev\/null\n\+\+\+ wanted\/Secret shop\/s$/m);
  expect(diffOf(secret({}), null)).toMatch(/^--- live\/Secret shop\/s\n\+\+\+ \/dev\/null$/m);
});

it('shows of a Secret which values change and nothing else', () => {
  const copy = { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"password":"b2xk"}}' };
  const text = diffOf(
    secret({ password: 'b2xk', kept: 'c2FtZQ==', gone: 'Z29uZQ==' }, copy),
    secret({ password: 'bmV3', kept: 'c2FtZQ==', added: 'c2FtZQ==' }),
  );
  expect(text).toContain('-  password: ++++++++\n');
  expect(text).toContain('+  password: ++++++++ (changed)\n');
  expect(text).toContain('+  added: ++++++++\n');
  expect(text).toContain('   kept: ++++++++\n');
  for (const value of ['b2xk', 'bmV3', 'c2FtZQ==', 'Z29uZQ==']) expect(text).not.toContain(value);
});

it('masks a Secret that is made or removed', () => {
  for (const text of [diffOf(null, secret({ a: 'c2VjcmV0' })), diffOf(secret({ a: 'c2VjcmV0' }), null)]) {
    expect(text).toContain('a: ++++++++');
    expect(text).not.toContain('c2VjcmV0');
  }
});
