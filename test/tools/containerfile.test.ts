import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const lines = readFileSync('deploy/Containerfile', 'utf8').split('\n');
const words = (keyword: string): readonly (readonly string[])[] =>
  lines.filter((line) => line.startsWith(`${keyword} `)).map((line) => line.split(' ').slice(1));
const { version, optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly version: string;
  readonly optionalDependencies: Readonly<Record<string, string>>;
};

it('copies only what the repository or an earlier stage has', () => {
  const stages = words('FROM').flatMap(([, , name]) => name ?? []);
  for (const copy of words('COPY')) {
    const from = copy.find((word) => word.startsWith('--from='))?.slice('--from='.length);
    if (from !== undefined) expect(stages).toContain(from);
    else for (const source of copy.slice(0, -1)) expect(existsSync(source), source).toBe(true);
  }
});

it('runs the service on the very Node that the tests run it on, and builds the tools with the Go that their module names', () => {
  const [wanted] = new Set(Object.values(optionalDependencies));
  const images = words('FROM').map(([image = '']) => image);
  expect(images.filter((image) => image.includes('/node:')).map((image) => /:([\d.]+)/.exec(image)?.[1])).toEqual([wanted, wanted, wanted]);
  const [, go] = /^go (\d+\.\d+)/m.exec(readFileSync('tools/kubernetes/go.mod', 'utf8')) ?? [];
  expect(images.filter((image) => image.includes('/golang:')).map((image) => /:([\d.]+)/.exec(image)?.[1])).toEqual([go]);
});

it('runs no script of a package, and is nobody that has a name', () => {
  expect(words('RUN').filter((command) => command.join(' ').includes('npm ci') && !command.includes('--ignore-scripts'))).toEqual([]);
  expect(words('USER')).toEqual([['10001:10001']]);
});

it('has the version of the package in the manifests and in the page about installing', () => {
  expect(readFileSync('deploy/pod/pod.yaml', 'utf8')).toContain(`image: sluice:${version}\n`);
  expect(readFileSync('docs/install.md', 'utf8')).toContain(`sluice:${version}`);
});

it('keeps what a clone gathers out of the image', () => {
  expect(readFileSync('.dockerignore', 'utf8').split('\n')).toEqual(expect.arrayContaining(['.git', '**/node_modules', 'web/dist*']));
});
