import { Table } from '@mantine/core';
import type { ReactNode } from 'react';

/** A table of one kind of thing; wider than the window, it scrolls by itself. `children`: its rows, a `Table.Tr` each. */
export function Rows({
  columns,
  pointedAt = false,
  children,
}: {
  readonly columns: readonly string[];
  readonly pointedAt?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <div className="wide">
      <Table highlightOnHover={pointedAt}>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Table.Th key={column}>{column}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>{children}</Table.Tbody>
      </Table>
    </div>
  );
}
