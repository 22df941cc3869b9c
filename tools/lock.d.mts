/**
 * Does the work while no other process that uses the same lock file does its own. The lock of a process that died is taken over.
 * Input: the lock's file, in a folder that exists; `waiting` hears the holder's process id, at first and every ten seconds.
 * Throws what the work throws.
 */
export function withLock<T>(file: string, waiting: (holder: number) => void, work: () => Promise<T>): Promise<T>;
