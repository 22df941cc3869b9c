import { readFile } from 'node:fs/promises';
import { runExecPlugin } from './exec-plugin.ts';
import type { Kubeconfig, Material } from './kubeconfig.ts';

/** What a connection and a request need to be let in. Never logged. */
export type Credentials = {
  readonly authorization: string | undefined;
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
    readonly rejectUnauthorized?: boolean;
  };
};

export type CredentialStore = {
  /** Those at hand, renewed before they expire; concurrent callers share one renewal. Throws when they cannot be obtained. */
  current(): Promise<Credentials>;
  /** The server refused `refusedOnes`: whether there are others to try. */
  renewAfterRefusal(refusedOnes: Credentials): Promise<boolean>;
};

type Obtained = { readonly credentials: Credentials; readonly renewAtMs: number; readonly expireAtMs: number };

/** Files and providers are asked again this often, as client-go does. */
const rereadEveryMs = 60_000;

export function openCredentials(kubeconfig: Kubeconfig): CredentialStore {
  let held: Obtained | undefined;
  let asked: Promise<Obtained> | undefined;

  const renew = () =>
    (asked ??= obtain(kubeconfig)
      .then((obtained) => (held = obtained))
      .finally(() => {
        asked = undefined;
      }));

  return {
    async current() {
      const known = held;
      if (known !== undefined && Date.now() < known.renewAtMs) return known.credentials;
      try {
        return (await renew()).credentials;
      } catch (error) {
        if (known !== undefined && Date.now() < known.expireAtMs) return known.credentials;
        throw error;
      }
    },
    async renewAfterRefusal(refusedOnes) {
      if (held !== undefined && held.credentials !== refusedOnes) return true; // somebody else renewed them in the meantime
      if (Number.isFinite(held?.renewAtMs ?? 0)) await renew();
      return held?.credentials.authorization !== refusedOnes.authorization || held?.credentials.tls.cert !== refusedOnes.tls.cert;
    },
  };
}

async function obtain(kubeconfig: Kubeconfig): Promise<Obtained> {
  const [ca, cert, key, token] = await Promise.all([kubeconfig.ca, kubeconfig.certificate, kubeconfig.key, kubeconfig.token].map(readMaterial));
  const fromFiles = [kubeconfig.ca, kubeconfig.certificate, kubeconfig.key, kubeconfig.token].some((part) => part !== undefined && 'file' in part);
  const plugin = kubeconfig.plugin === undefined ? {} : await askPlugin(kubeconfig, kubeconfig.plugin);
  const bearer = token ?? plugin.token;
  const authorization = plugin.authorization ?? (bearer === undefined ? undefined : `Bearer ${bearer}`);
  const clientCert = cert ?? plugin.cert;
  const clientKey = key ?? plugin.key;
  const expireAtMs = plugin.expireAtMs ?? Number.POSITIVE_INFINITY;
  return {
    credentials: {
      authorization,
      tls: {
        ...(ca === undefined ? {} : { ca }),
        ...(clientCert === undefined ? {} : { cert: clientCert }),
        ...(clientKey === undefined ? {} : { key: clientKey }),
        ...(kubeconfig.tlsServerName === undefined ? {} : { servername: kubeconfig.tlsServerName }),
        ...(kubeconfig.skipTlsVerify ? { rejectUnauthorized: false } : {}),
      },
    },
    renewAtMs: Math.min(plugin.renewAtMs ?? Number.POSITIVE_INFINITY, fromFiles ? Date.now() + rereadEveryMs : Number.POSITIVE_INFINITY),
    expireAtMs,
  };
}

async function readMaterial(material: Material | undefined): Promise<string | undefined> {
  if (material === undefined) return undefined;
  return 'text' in material ? material.text : (await readFile(material.file, 'utf8')).trim();
}

type Granted = {
  readonly authorization?: string | undefined;
  readonly token?: string;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly renewAtMs?: number;
  readonly expireAtMs?: number;
};

async function askPlugin(kubeconfig: Kubeconfig, plugin: NonNullable<Kubeconfig['plugin']>): Promise<Granted> {
  const nowMs = Date.now();
  if (plugin.type === 'auth-provider') return { ...(await askProvider(kubeconfig, plugin.settings)), renewAtMs: nowMs + rereadEveryMs };
  const { token, certificate, key, expireAtMs } = await runExecPlugin(plugin.settings, kubeconfig.server);
  return {
    ...(token === undefined ? {} : { token }),
    cert: certificate,
    key,
    // One that names no end is asked again now and then; a refusal renews it at once.
    ...(expireAtMs === undefined ? { renewAtMs: nowMs + 10 * rereadEveryMs } : { expireAtMs, renewAtMs: renewalTime(nowMs, expireAtMs) }),
  };
}

/**
 * Asks an identity provider, through client-node. It is loaded only when a kubeconfig needs it: it costs 86 MB. Each time with a fresh KubeConfig,
 * because the library's own cache hands out a credential until the very second that it expires.
 */
async function askProvider(kubeconfig: Kubeconfig, settings: unknown): Promise<Granted> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const library = new KubeConfig();
  library.loadFromString(
    JSON.stringify({
      'current-context': 'only',
      contexts: [{ name: 'only', context: { cluster: 'only', user: 'only' } }],
      clusters: [{ name: 'only', cluster: { server: kubeconfig.server } }],
      users: [{ name: 'only', user: { 'auth-provider': settings } }],
    }),
  );
  const options: { headers?: Record<string, string>; cert?: unknown; key?: unknown } = {};
  await library['applyOptions'](options as Parameters<(typeof library)['applyOptions']>[0]);
  return { authorization: options.headers?.['Authorization'], cert: pemText(options.cert), key: pemText(options.key) };
}

/** A minute before the end; for credentials that live shorter than ten, a tenth of their life before. */
const renewalTime = (nowMs: number, expireAtMs: number): number => expireAtMs - Math.min(60_000, (expireAtMs - nowMs) / 10);

const pemText = (value: unknown): string | undefined => (typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString() : undefined);
