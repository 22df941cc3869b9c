import type { ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { type Connection, useConnection } from './live.tsx';
import logo from './sluice.svg';

const views = [
  { to: '/', name: 'Pipelines', beginning: '/pipelines' },
  { to: '/applications', name: 'Applications', beginning: '/applications' },
  { to: '/places', name: 'Places', beginning: '/places' },
] as const;

const connections: Readonly<Record<Connection, { readonly text: string; readonly why: string }>> = {
  connecting: { text: 'connecting', why: 'Connecting to Sluice' },
  live: { text: 'live', why: 'Changes are shown as they happen' },
  lost: { text: 'not connected', why: 'Sluice does not answer: what is shown may be old. It is tried again by itself.' },
};

/** What stands around every view. */
export function Frame({ children }: { readonly children: ReactNode }) {
  const [location] = useLocation();
  const connection = useConnection();
  const { text, why } = connections[connection];
  return (
    <>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <header className="bar">
        <Link href="/" className="brand">
          <img src={logo} alt="" width={22} height={22} />
          Sluice
        </Link>
        <nav aria-label="Views">
          {views.map(({ to, name, beginning }) => {
            const here = location === to || location.startsWith(`${beginning}/`);
            return (
              <Link key={to} href={to} aria-current={here ? 'page' : undefined}>
                {name}
              </Link>
            );
          })}
        </nav>
        <span className="connection" data-connection={connection} title={why} role="status">
          <span className="dot" aria-hidden="true" />
          {text}
        </span>
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}
