/** The words of kstatus. NotFound is a reader's word, for an object that is not there. Unknown: the status has a form that kstatus refuses to read. */
export type KstatusWord = 'Current' | 'InProgress' | 'Failed' | 'Terminating' | 'Unknown';

/** `message` says in one sentence what the word rests on. */
export type Kstatus = { readonly status: KstatusWord; readonly message: string };

export const current = (message: string): Kstatus => ({ status: 'Current', message });
export const inProgress = (message: string): Kstatus => ({ status: 'InProgress', message });
export const failed = (message: string): Kstatus => ({ status: 'Failed', message });
export const terminating = (message: string): Kstatus => ({ status: 'Terminating', message });
export const unknown = (message: string): Kstatus => ({ status: 'Unknown', message });
