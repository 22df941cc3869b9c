import { connect, createServer, type Server, type Socket } from 'node:net';

/** A loopback address in front of an API server whose connections can be cut, swallowed and counted. */
export type TcpProxy = AsyncDisposable & {
  /** The kubeconfig with this address in place of the server's. */
  kubeconfig(text: string): string;
  /** Ends all connections and refuses new ones. */
  cut(): Promise<void>;
  /** Keeps all present connections open and lets nothing more through, as after the timeout of a NAT gateway. */
  swallow(): void;
  /** The same with connections that are made from now on: they are taken, and nothing is ever answered. */
  silence(): void;
  /** New connections reach the server again. Those that were swallowed stay so. */
  mend(): Promise<void>;
  /** How many connections were made so far. */
  readonly connections: () => number;
};

export async function openTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let swallowed = new WeakSet<Socket>();
  let made = 0;
  let silent = false;

  const server: Server = createServer((near) => {
    made += 1;
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (data) => {
        if (!swallowed.has(near)) to.write(data);
      });
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    nearOf.add(near);
    if (silent) swallowed.add(near);
  });
  const nearOf = new Set<Socket>();
  const listen = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  await listen(0);
  const address = server.address();
  const ownPort = typeof address === 'object' && address !== null ? address.port : 0;

  async function cut(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  return {
    kubeconfig: (text) => text.replace(target, `https://127.0.0.1:${ownPort}`),
    cut,
    swallow() {
      swallowed = new WeakSet(nearOf);
    },
    silence() {
      swallowed = new WeakSet(nearOf);
      silent = true;
    },
    async mend() {
      silent = false;
      if (!server.listening) await listen(ownPort);
    },
    connections: () => made,
    [Symbol.asyncDispose]: () => (server.listening ? cut() : Promise.resolve()),
  };
}
