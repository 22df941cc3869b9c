import { execFile } from 'node:child_process';
import { findProgram } from '../programs.ts';
import type { Terminal } from '../terminal.ts';
import { type Finding, fail, ok, skipped, warn } from './finding.ts';

/** `version` undefined: it is there and does not say. */
export type ToolFacts = { readonly tool: Tool; readonly found: { readonly path: string; readonly version: string | undefined } | undefined };

type Tool = 'git' | 'helm' | 'kustomize';

const versionTimeoutMs = 10_000;

/** Sluice's git is for large packs and old hosts; helm 4 is what its options are for; older kustomizes render other bytes. */
const needs: Readonly<Record<Tool, { readonly major: number; readonly args: readonly string[] }>> = {
  git: { major: 2, args: ['--version'] },
  helm: { major: 4, args: ['version', '--template', '{{.Version}}'] },
  kustomize: { major: 5, args: ['version'] },
};

export function gatherTools(terminal: Terminal): Promise<readonly ToolFacts[]> {
  const paths: readonly (readonly [Tool, string | undefined])[] = [
    ['git', 'git'],
    ...(['helm', 'kustomize'] as const).map((tool) => {
      const found = findProgram(tool, terminal);
      return [tool, found.ok ? found.value : undefined] as const;
    }),
  ];
  return Promise.all(
    paths.map(async ([tool, path]): Promise<ToolFacts> => {
      if (path === undefined) return { tool, found: undefined };
      const printed = await printedBy(path, needs[tool].args, terminal);
      return { tool, found: printed === 'missing' ? undefined : { path, version: /\d+\.\d+(\.\d+)?/.exec(printed ?? '')?.[0] } };
    }),
  );
}

function printedBy(path: string, args: readonly string[], { environment, home, signal }: Terminal): Promise<string | 'missing' | undefined> {
  const env = { PATH: environment.PATH, HOME: home };
  return new Promise((resolve) => {
    execFile(path, [...args], { env, timeout: versionTimeoutMs, signal }, (error, printed) => {
      if (error === null) resolve(printed);
      else resolve('code' in error && (error.code as unknown) === 'ENOENT' ? 'missing' : undefined);
    });
  });
}

export function judgeTool({ tool, found }: ToolFacts): Finding {
  const subject = { check: 'tool', about: tool };
  const { major } = needs[tool];
  if (found === undefined) return skipped(subject, `is not on this machine's PATH; where Sluice runs it needs ${tool} ${major}`);
  if (found.version === undefined) return warn(subject, `${found.path} does not say its version`, `install ${tool} ${major}`);
  const says = `${found.version} (${found.path})`;
  const installed = Number(found.version.split('.')[0]);
  if (installed === major) return ok(subject, says);
  const variable = tool === 'git' ? '' : `, and name it in SLUICE_${tool.toUpperCase()}_BIN`;
  return installed < major
    ? fail(subject, `${says} is too old`, `install ${tool} ${major}${variable}`)
    : warn(subject, `${says} is newer than what Sluice was tried with`, `install ${tool} ${major}${variable} if renders fail`);
}
