import { openRunFolder } from '../../tools/run-folder.ts';
import { startGitea } from '../../tools/gitea.ts';
import { realParts } from '../real-parts.ts';
import type { GitHost } from './git-http-backend.ts';

/** A real Gitea with one empty repository. */
export async function openGiteaHost(): Promise<GitHost> {
  const folder = await openRunFolder();
  const gitea = await startGitea({ parts: await realParts(), dir: folder.path });
  const { cloneUrl } = await gitea.createRepository('config');
  return {
    url: cloneUrl,
    token: gitea.token,
    async protect(branch) {
      await gitea.api('POST', `/repos/${gitea.user}/config/branch_protections`, { rule_name: branch, enable_push: false });
    },
    async [Symbol.asyncDispose]() {
      await gitea[Symbol.asyncDispose]();
      await folder.remove();
    },
  };
}
