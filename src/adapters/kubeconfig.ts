import { X509Certificate } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { createSecureContext } from 'node:tls';
import { load } from 'js-yaml';
import { at } from '../model/json.ts';
import { type Parsed, type Problem, refused } from '../model/parsed.ts';

/** Part of a credential: its text, or the file that holds it and may be renewed. */
export type Material = { readonly text: string } | { readonly file: string };

/** One server and one user of a kubeconfig, with nothing else of it. Never logged. */
export type Kubeconfig = {
  /** Without credentials and without a slash at the end. */
  readonly server: string;
  readonly tlsServerName: string | undefined;
  readonly skipTlsVerify: boolean;
  readonly ca: Material | undefined;
  readonly certificate: Material | undefined;
  readonly key: Material | undefined;
  readonly token: Material | undefined;
  /** A program or an identity provider that hands out credentials; only in a trusted kubeconfig. */
  readonly plugin: { readonly type: 'exec' | 'auth-provider'; readonly settings: unknown } | undefined;
};

type Place = { readonly fields: unknown; readonly at: string };

/**
 * Input: YAML or JSON text; only its current context counts.
 * A kubeconfig that is not trusted comes from a tenant's Secret: it may neither run programs, nor read files of this process, nor leave the
 * connection unprotected. All problems at once; none holds a credential.
 */
export function parseKubeconfig(text: string, { trusted }: { readonly trusted: boolean }): Parsed<Kubeconfig> {
  const config = readYaml(text);
  if (config === undefined) return refused({ at: 'kubeconfig', message: 'is not YAML; paste the output of `kubectl config view --raw --minify`' });
  const contextName = at(config, 'current-context');
  const context = named(config, 'contexts', 'context', contextName);
  if (context === undefined) return refused({ at: 'current-context', message: 'names no context of this kubeconfig: correct it, or add the context' });
  const cluster = named(config, 'clusters', 'cluster', at(context.fields, 'cluster'));
  const user = named(config, 'users', 'user', at(context.fields, 'user'));
  if (cluster === undefined) return refused({ at: `${context.at}.cluster`, message: 'names no cluster of this kubeconfig: correct it, or add the cluster' });
  if (user === undefined) return refused({ at: `${context.at}.user`, message: 'names no user of this kubeconfig: correct it, or add the user' });

  const problems: Problem[] = [...(trusted ? [] : tenantProblems(cluster, user)), ...unsupported(cluster, user)];
  const server = serverOf(cluster, trusted, problems);
  const exec = at(user.fields, 'exec');
  const provider = at(user.fields, 'auth-provider');
  const kubeconfig: Kubeconfig = {
    server,
    tlsServerName: textAt(cluster.fields, 'tls-server-name'),
    skipTlsVerify: at(cluster.fields, 'insecure-skip-tls-verify') === true,
    ca: material(cluster, 'certificate-authority', problems),
    certificate: material(user, 'client-certificate', problems),
    key: material(user, 'client-key', problems),
    token: tokenOf(user, problems),
    plugin: exec ? { type: 'exec', settings: exec } : provider ? { type: 'auth-provider', settings: provider } : undefined,
  };
  problems.push(...certificateProblems(kubeconfig, cluster, user));
  return problems.length > 0 ? refused(...problems) : { ok: true, value: kubeconfig };
}

function readYaml(text: string): unknown {
  try {
    return load(text);
  } catch {
    return undefined; // the parser's message quotes the text, and with it credentials
  }
}

function named(config: unknown, list: string, field: string, name: unknown): Place | undefined {
  const entries: unknown = at(config, list);
  if (!Array.isArray(entries) || typeof name !== 'string') return undefined;
  const index = entries.findIndex((entry) => at(entry, 'name') === name);
  return index < 0 ? undefined : { fields: at(entries[index], field), at: `${list}[${index}].${field}` };
}

function tenantProblems(cluster: Place, user: Place): readonly Problem[] {
  const inside = 'is not allowed here: put the contents into';
  const refusals: readonly (readonly [Place, string, string])[] = [
    [
      cluster,
      'insecure-skip-tls-verify',
      'is not allowed here: give the certificate authority in certificate-authority-data, or have the Cluster named in SLUICE_TRUSTED_CLUSTERS',
    ],
    [cluster, 'certificate-authority', `${inside} certificate-authority-data`],
    [user, 'client-certificate', `${inside} client-certificate-data`],
    [user, 'client-key', `${inside} client-key-data`],
    [user, 'tokenFile', `${inside} token`],
    [
      user,
      'exec',
      'is not allowed here, it would run a program inside Sluice: use the token of a service account, or have the Cluster named in SLUICE_TRUSTED_CLUSTERS',
    ],
    [user, 'auth-provider', 'is not allowed here, it would make Sluice ask other servers: use the token of a service account'],
  ];
  return refusals.flatMap(([place, field, message]) => (at(place.fields, field) ? [{ at: `${place.at}.${field}`, message }] : []));
}

function unsupported(cluster: Place, user: Place): readonly Problem[] {
  const refusals: readonly (readonly [Place, string, string])[] = [
    [cluster, 'proxy-url', 'is not supported'],
    [user, 'as', 'is not supported: name the service account in the Application'],
    [user, 'token-file', 'is not what kubectl reads: it is called tokenFile'],
    [user, 'username', 'is not supported: API servers take no passwords, use a token'],
  ];
  return refusals.flatMap(([place, field, message]) => (at(place.fields, field) ? [{ at: `${place.at}.${field}`, message }] : []));
}

function serverOf(cluster: Place, trusted: boolean, problems: Problem[]): string {
  const text = textAt(cluster.fields, 'server') ?? '';
  const place = `${cluster.at}.server`;
  if (!URL.canParse(text)) {
    problems.push({ at: place, message: 'must be an address like https://10.0.0.1:6443' });
    return '';
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') problems.push({ at: place, message: 'must not hold credentials: give the user a token' });
  if (url.protocol !== 'https:' && !(trusted && url.protocol === 'http:'))
    problems.push({ at: place, message: 'must begin with https://: credentials would travel in the open' });
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

function material({ fields, at: place }: Place, field: string, problems: Problem[]): Material | undefined {
  const encoded = textAt(fields, `${field}-data`);
  if (encoded !== undefined) return { text: Buffer.from(encoded, 'base64').toString() };
  return fileMaterial(fields, place, field, problems);
}

function tokenOf({ fields, at: place }: Place, problems: Problem[]): Material | undefined {
  const token = textAt(fields, 'token');
  if (token === undefined) return fileMaterial(fields, place, 'tokenFile', problems);
  // Anything else would end up in a header, and in the message of the error that refuses the header.
  if (!/^[\x21-\x7e]+$/.test(token.trim()))
    problems.push({ at: `${place}.token`, message: 'holds characters that no token has: paste the token alone, in one line' });
  return { text: token.trim() };
}

function fileMaterial(fields: unknown, place: string, field: string, problems: Problem[]): Material | undefined {
  const file = textAt(fields, field);
  if (file === undefined) return undefined;
  if (!isAbsolute(file)) problems.push({ at: `${place}.${field}`, message: 'must be an absolute path' });
  return { file };
}

/** A broken certificate would otherwise look like an API server that cannot be reached. */
function certificateProblems({ ca, certificate, key }: Kubeconfig, cluster: Place, user: Place): readonly Problem[] {
  const readable = (place: string, read: () => unknown): readonly Problem[] => {
    try {
      read();
      return [];
    } catch {
      return [{ at: place, message: 'cannot be read: it must be base64 of PEM text' }];
    }
  };
  const problems: Problem[] = [];
  if (ca !== undefined && 'text' in ca) problems.push(...readable(`${cluster.at}.certificate-authority-data`, () => new X509Certificate(ca.text)));
  if ((certificate === undefined) !== (key === undefined))
    problems.push({ at: user.at, message: 'must have both a client certificate and its key, or neither: add the other one' });
  if (certificate !== undefined && 'text' in certificate && key !== undefined && 'text' in key) {
    problems.push(...readable(`${user.at}.client-certificate-data`, () => createSecureContext({ cert: certificate.text, key: key.text })));
  }
  return problems;
}

function textAt(fields: unknown, field: string): string | undefined {
  const value = at(fields, field);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
