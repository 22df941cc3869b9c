import { accepted, type Parsed, type Problem, refused } from './model/parsed.ts';
import { parseReference, type Reference } from './model/reference.ts';

export type Role = 'api' | 'controller' | 'worker';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Holds no secret: it may be logged whole. */
export type Config = {
  readonly hub: { readonly type: 'kubeconfig'; readonly path: string } | { readonly type: 'in-cluster' };
  readonly redis: { readonly host: string; readonly port: number; readonly tls: boolean; readonly database: number; readonly username?: string };
  /** Port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly roles: readonly Role[];
  /** Where Sluice's own objects live, its signing key among them. */
  readonly namespace: string;
  /** Tells apart several Sluices that apply to the same cluster or share a Redis. */
  readonly installation: string;
  readonly cacheDir: string;
  readonly kustomizeBin: string;
  readonly helmBin: string;
  readonly logLevel: LogLevel;
  /** Steps at once per verb. */
  readonly concurrency: number;
  readonly maxPackBytes: number;
  /** Clusters whose kubeconfig may run programs, read files and leave out the check of the server. */
  readonly trustedClusters: readonly Reference[];
  /** Where people reach the page; statuses on commits link to it. No slash at the end. */
  readonly publicUrl?: string;
};

export type Secrets = { readonly redisPassword?: string };

export type Environment = Readonly<Record<string, string | undefined>>;

const roles = ['api', 'controller', 'worker'] as const satisfies readonly Role[];
const logLevels = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

const variables = [
  'SLUICE_HUB_KUBECONFIG',
  'SLUICE_REDIS_URL',
  'SLUICE_LISTEN_HOST',
  'SLUICE_LISTEN_PORT',
  'SLUICE_ROLES',
  'SLUICE_NAMESPACE',
  'SLUICE_INSTALLATION',
  'SLUICE_CACHE_DIR',
  'SLUICE_KUSTOMIZE_BIN',
  'SLUICE_HELM_BIN',
  'SLUICE_LOG_LEVEL',
  'SLUICE_CONCURRENCY',
  'SLUICE_MAX_PACK_BYTES',
  'SLUICE_TRUSTED_CLUSTERS',
  'SLUICE_PUBLIC_URL',
] as const;
type Variable = (typeof variables)[number];

/**
 * The process's environment as Config and Secrets, or every problem at once, each at the variable's name.
 * An empty variable counts as not set. No message holds a variable's value where that may be a secret.
 */
export function parseConfig(env: Environment): Parsed<{ readonly config: Config; readonly secrets: Secrets }> {
  const problems: Problem[] = [...unknownVariables(env)];
  const read = (name: Variable): string | undefined => (env[name] === '' ? undefined : env[name]);
  const take = <T>(name: Variable, parse: (text: string) => T | { readonly problem: string }, otherwise: T): T => {
    const text = read(name);
    if (text === undefined) return otherwise;
    const value = parse(text);
    if (!isProblem(value)) return value;
    problems.push({ at: name, message: value.problem });
    return otherwise;
  };

  const redisUrl = read('SLUICE_REDIS_URL');
  if (redisUrl === undefined) problems.push({ at: 'SLUICE_REDIS_URL', message: 'is not set; it names the Redis of the queues, e.g. redis://127.0.0.1:6379' });
  else problems.push(...checkRedisUrl(redisUrl));

  const kubeconfig = read('SLUICE_HUB_KUBECONFIG');
  if (kubeconfig === undefined && !env.KUBERNETES_SERVICE_HOST) {
    problems.push({ at: 'SLUICE_HUB_KUBECONFIG', message: 'is not set and this is no pod of a cluster; name the kubeconfig file of the hub cluster' });
  }

  const publicUrl = take<string | undefined>('SLUICE_PUBLIC_URL', parsePublicUrl, undefined);
  const config: Omit<Config, 'redis'> = {
    hub: kubeconfig === undefined ? { type: 'in-cluster' } : { type: 'kubeconfig', path: kubeconfig },
    listen: { host: read('SLUICE_LISTEN_HOST') ?? '127.0.0.1', port: take('SLUICE_LISTEN_PORT', integer(0, 65_535), 8080) },
    roles: take<readonly Role[]>('SLUICE_ROLES', parseRoles, roles),
    namespace: take('SLUICE_NAMESPACE', label(63), 'sluice-system'),
    installation: take('SLUICE_INSTALLATION', label(40), 'default'),
    cacheDir: read('SLUICE_CACHE_DIR') ?? defaultCacheDir(env),
    kustomizeBin: read('SLUICE_KUSTOMIZE_BIN') ?? 'kustomize',
    helmBin: read('SLUICE_HELM_BIN') ?? 'helm',
    logLevel: take<LogLevel>('SLUICE_LOG_LEVEL', parseLogLevel, 'info'),
    concurrency: take('SLUICE_CONCURRENCY', integer(1, 1000), 8),
    maxPackBytes: take('SLUICE_MAX_PACK_BYTES', integer(1_048_576, 8_589_934_592), 268_435_456),
    trustedClusters: take<readonly Reference[]>('SLUICE_TRUSTED_CLUSTERS', parseClusters, []),
    ...(publicUrl === undefined ? {} : { publicUrl }),
  };
  if (problems.length > 0 || redisUrl === undefined) return refused(...problems);
  const { password, ...redis } = readRedisUrl(new URL(redisUrl));
  return accepted({ config: { ...config, redis }, secrets: password === undefined ? {} : { redisPassword: password } });
}

/** Why this Redis may not be used. No message holds any part of the address but its host. */
export function checkRedisUrl(url: string): readonly Problem[] {
  const problems = malformedRedisUrl(url);
  if (problems.length > 0) return problems;
  const { hostname, password } = new URL(url);
  if (password !== '' || isLoopback(hostname)) return [];
  return [
    {
      at: 'SLUICE_REDIS_URL',
      message: `has no password, and ${hostname} is another machine: whoever reaches that Redis could command every cluster; give it a password (requirepass or an ACL user)`,
    },
  ];
}

/** What is no address of a Redis at all. */
export function malformedRedisUrl(url: string): readonly Problem[] {
  const at = 'SLUICE_REDIS_URL';
  if (!URL.canParse(url))
    return [
      {
        at,
        message: 'is no URL; write redis://[user:password@]host[:port][/database], with rediss: for TLS and %-codes for special characters in the password',
      },
    ];
  const parsed = new URL(url);
  if (parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:')
    return [{ at, message: `begins with ${parsed.protocol}; write redis: or, for TLS, rediss:` }];
  const problems: Problem[] = [];
  if (parsed.hostname === '') problems.push({ at, message: 'names no host; write redis://host:6379' });
  if (!/^\/?\d*$/.test(parsed.pathname)) problems.push({ at, message: 'has a path that is no database number, such as /0' });
  if (parsed.search !== '' || parsed.hash !== '')
    problems.push({ at, message: 'has a query or a fragment, which mean nothing here; a special character in the password needs its %-code' });
  if (decoded(parsed.username) === undefined || decoded(parsed.password) === undefined)
    problems.push({ at, message: 'has a user or password with a % that begins no %-code; write %25 for it' });
  return problems;
}

/** Of an address that checkRedisUrl finds nothing wrong with. */
export function readRedisUrl(url: URL): Config['redis'] & { readonly password?: string } {
  const username = decoded(url.username);
  const password = decoded(url.password);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    tls: url.protocol === 'rediss:',
    database: Number(url.pathname.slice(1)),
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
  };
}

/** As `URL` gives it: IPv6 in brackets. */
export const isLoopback = (hostname: string): boolean => hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

type Refusal = { readonly problem: string };

const isProblem = (value: unknown): value is Refusal => typeof value === 'object' && value !== null && 'problem' in value;

const integer =
  (least: number, most: number) =>
  (text: string): number | Refusal =>
    /^\d{1,15}$/.test(text) && Number(text) >= least && Number(text) <= most
      ? Number(text)
      : { problem: `is "${text}"; write a whole number from ${least} to ${most}` };

const label =
  (maxLength: number) =>
  (text: string): string | Refusal =>
    text.length <= maxLength && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text)
      ? text
      : { problem: `is "${text}"; write at most ${maxLength} small letters, digits and dashes, with a letter or digit at both ends` };

function parseRoles(text: string): readonly Role[] | Refusal {
  const named = text.split(',').map((name) => name.trim());
  const wrong = named.filter((name) => !roles.some((role) => role === name));
  return wrong.length === 0 ? roles.filter((role) => named.includes(role)) : { problem: `has "${wrong.join('", "')}"; write some of ${roles.join(',')}` };
}

function parseClusters(text: string): readonly Reference[] | Refusal {
  const named = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  const references = named.flatMap((entry) => (objectPath.test(entry) ? (parseReference(entry) ?? []) : []));
  const wrong = named.filter((entry) => !objectPath.test(entry));
  return wrong.length === 0 ? references : { problem: `has "${wrong.join('", "')}"; write each Cluster as namespace/name, as in shop/production,shop/staging` };
}

const objectPath = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

function parseLogLevel(text: string): LogLevel | Refusal {
  return logLevels.find((level) => level === text) ?? { problem: `is "${text}"; write one of ${logLevels.join(', ')}` };
}

function parsePublicUrl(text: string): string | Refusal {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) return { problem: 'is no http or https address' };
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return { problem: 'has a user, a query or a fragment; write the address of the page only' };
  return url.href.replace(/\/+$/, '');
}

function defaultCacheDir(env: Environment): string {
  if (env.XDG_CACHE_HOME) return `${env.XDG_CACHE_HOME}/sluice`;
  return env.HOME ? `${env.HOME}/.cache/sluice` : '/var/cache/sluice';
}

function unknownVariables(env: Environment): readonly Problem[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('SLUICE_') && !variables.some((known) => known === name) && !isServiceLink(name, env[name] ?? ''))
    .sort()
    .map((name) => ({ at: name, message: `is no setting of Sluice; did you mean ${nearest(name)}?` }));
}

/** Kubernetes gives the pods of a namespace variables for each of its Services: one named `sluice-api` makes SLUICE_API_SERVICE_HOST and more. */
const isServiceLink = (name: string, value: string): boolean =>
  /_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name) ||
  (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value));

function nearest(name: string): string {
  const byDistance = variables.map((known) => ({ known, distance: editDistance(name, known) })).sort((a, b) => a.distance - b.distance);
  return byDistance[0]?.known ?? variables[0];
}

/** Levenshtein's: how many letters to insert, delete or replace. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
