import { Alert, Skeleton } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { isRefusal } from './api.ts';

export function Empty({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section className="empty">
      <h2>{title}</h2>
      <div>{children}</div>
    </section>
  );
}

function Failure({ error }: { readonly error: Error }) {
  return (
    <Alert color="red" title="This cannot be shown now" className="notice">
      {error.message}
      {isRefusal(error) ? '.' : ' It is tried again by itself when Sluice answers.'}
    </Alert>
  );
}

/** What was asked for, or why it is not there yet. What was there before stays while it is asked for again, also when that fails. */
export function Asked<Answer>({
  query: { data, error },
  rows = 4,
  children,
}: {
  readonly query: UseQueryResult<Answer>;
  readonly rows?: number;
  readonly children: (answer: Answer) => ReactNode;
}) {
  return (
    <>
      {error !== null && <Failure error={error} />}
      {data !== undefined && children(data)}
      {data === undefined && error === null && (
        <div className="waiting" aria-busy="true">
          {Array.from({ length: rows }, (_, row) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same
            <Skeleton key={row} height={22} radius="sm" />
          ))}
        </div>
      )}
    </>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Sluice`;
  }, [title]);
}
