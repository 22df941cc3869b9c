import { randomUUID } from 'node:crypto';
import { realParts } from '../real-parts.ts';
import type { GitHost } from './git-http-backend.ts';

/** The real Gitea, with one empty repository of its own. */
export async function openGiteaHost(): Promise<GitHost> {
  const { gitea } = realParts();
  const name = `config-${randomUUID().slice(0, 8)}`;
  const { cloneUrl } = await gitea.createRepository(name);
  return {
    url: cloneUrl,
    token: gitea.token,
    async protect(branch) {
      await gitea.api('POST', `/repos/${gitea.user}/${name}/branch_protections`, { rule_name: branch, enable_push: false });
    },
    async [Symbol.asyncDispose]() {
      await gitea.api('DELETE', `/repos/${gitea.user}/${name}`);
    },
  };
}
