import { beforeEach, describe, expect, it } from 'vitest';
import { PortError } from '../../src/model/port-error.ts';
import { notesRef, type Push } from '../../src/promotion/environment-branch.ts';
import { mergeNotes, noteText, parseNote } from '../../src/promotion/note.ts';
import { notesMessage, notesTreeWith } from '../../src/promotion/notes-tree.ts';
import { readAllNotes, readNotesHead } from '../../src/promotion/read-notes.ts';
import { signedCommit } from '../../src/promotion/record.ts';
import { deployment, openShop, type Shop } from './shop-world.ts';

const { signal } = new AbortController();

describe('a terminal verdict', () => {
  let shop: Shop;
  const noteOf = async (commit: string): Promise<string> => {
    const { access } = shop.repository;
    const notes = await readAllNotes(await readNotesHead(access, shop.ports, signal), access, shop.ports, signal);
    const note = notes.get(commit);
    return note === undefined ? '' : noteText(note);
  };
  const conditionText = () =>
    shop
      .pipeline('shop')
      .status?.conditions.map(({ message }) => message)
      .join('\n') ?? '';
  const lookAgain = () => shop.look('promote', { namespace: 'shop', name: 'shop' });

  /** Lets pushes to environment branches pass. */
  const beforeNextNote = (happens: (push: Push) => void): void =>
    shop.beforeNextPush((push) => {
      if (push.ref === notesRef) happens(push);
      else beforeNextNote(happens);
    });

  beforeEach(() => {
    shop = openShop();
  });

  it('is noted on the commit of the Release, by pipeline and stage, with one push for each', async () => {
    const commit = await shop.push({ 'apps/web/a.yaml': deployment('web:1') });
    expect(await noteOf(commit)).toBe('');
    await shop.becomesHealthy('staging');
    expect(await noteOf(commit)).toMatch(/^shop\/shop staging verified \S+Z admission=1 release=shop-1-\w+ digest=[0-9a-f]{40} healthy\n$/);
    await shop.becomesHealthy('production');
    expect(await noteOf(commit)).toMatch(/^shop\/shop production verified .*\nshop\/shop staging verified .*\n$/);
    for (let look = 0; look < 5; look += 1) await lookAgain();
    expect(shop.pushesTo(notesRef)).toHaveLength(2);
    expect(shop.stage('staging')?.admitted?.noted).toBe('verified');
  });

  it('is noted again when it changes', async () => {
    const commit = await shop.push({ 'apps/web/a.yaml': deployment('web:1') });
    await shop.becomesHealthy('staging');
    await shop.pass(1000);
    await shop.fails('staging');
    expect(await noteOf(commit)).toMatch(/^shop\/shop staging failed .* gave up\n$/m);
  });

  it('is noted although the next Release took the stage in the same moment', async () => {
    const first = await shop.push({ 'apps/web/a.yaml': deployment('web:1') });
    await shop.push({ 'apps/web/a.yaml': deployment('web:2') });
    await shop.becomesHealthy('staging');
    expect(shop.stage('staging')?.history).toMatchObject([{ revision: first, verdict: 'verified', noted: 'verified' }]);
    expect(await noteOf(first)).toMatch(/staging verified .* digest=[0-9a-f]{40} healthy/);
  });

  it('does not hold production up while the Git host takes no notes, and is noted later', async () => {
    const commit = await shop.push({ 'apps/web/a.yaml': deployment('web:1') });
    const isDown = (): void => {
      throw new PortError('environment-branch', 'UNREACHABLE', 'the Git host is down', { cause: undefined });
    };
    beforeNextNote(isDown);
    await shop.becomesHealthy('staging');
    expect(shop.imageIn('production')).toBe('web:1');
    await shop.becomesHealthy('production');
    await shop.pass(60_000);
    expect(await noteOf(commit)).toMatch(/production verified .*\n.*staging verified/);
  });

  it('says in the condition why it is not noted yet', async () => {
    await shop.push({ 'apps/web/a.yaml': deployment('web:1') });
    shop.repository.commit({ 'x.txt': 'a note by hand' }, { branch: 'elsewhere', parents: [] });
    const foreign = shop.repository.tip('elsewhere');
    shop.heads.set(notesRef, foreign);
    await shop.becomesHealthy('staging');

    expect(conditionText()).toMatch(/not noted in Git.*not.*sign.*git push/is);
    expect(shop.imageIn('production')).toBe('web:1');
    await shop.becomesHealthy('production');
    await shop.pass(120_000);
    expect(shop.heads.get(notesRef)).toBe(foreign);
    expect(shop.pushesTo(notesRef)).toEqual([]);

    shop.heads.set(notesRef, undefined);
    await shop.pass(60_000);
    expect(shop.pushesTo(notesRef)).toHaveLength(1);
    expect(conditionText()).not.toContain('not noted');
  });

  it('believes no promotion commit that was copied to the notes', async () => {
    await shop.push({ 'apps/web/a.yaml': deployment('web:1') });
    await shop.becomesHealthy('staging');
    const promotion = shop.heads.get('refs/heads/env/shop/production');
    shop.heads.set(notesRef, promotion);
    expect(await readNotesHead(shop.repository.access, shop.ports, signal)).toMatchObject({ is: 'foreign', id: promotion });
  });

  it('is merged with what another pipeline noted in between', async () => {
    const commit = await shop.push({ 'apps/web/a.yaml': deployment('web:1') });
    const theirs = 'shop/payments staging verified 2026-01-01T12:00:00.000Z admission=1 release=payments-1-00000000 digest=- healthy\n';
    const notes = (text: string) => {
      const { tree, objects } = notesTreeWith({ root: [], folders: new Map() }, new Map([[commit, text]]));
      return { objects, made: signedCommit({ tree, parents: [], at: shop.now(), message: notesMessage }, shop.ports.signer) };
    };
    const anotherWrites = (): void => {
      const { objects, made } = notes(theirs);
      shop.repository.receive(notesRef, [{ type: 'commit', bytes: made.bytes }, ...objects]);
    };
    beforeNextNote(anotherWrites);
    await shop.becomesHealthy('staging');
    const note = await noteOf(commit);
    expect(note).toContain(theirs);
    expect(note).toContain('shop/shop staging verified');
    expect(mergeNotes(parseNote(note), parseNote(theirs))).toEqual(parseNote(note));
  });

  it('is not pushed again when the answer was lost, or the status after it', async () => {
    await shop.push({ 'apps/web/a.yaml': deployment('web:1') });
    const loseNoteAnswer = (push: Push): void => {
      shop.repository.receive(notesRef, [{ type: 'commit', bytes: push.commit.bytes }, ...(push.objects ?? [])]);
      throw new PortError('environment-branch', 'TIMEOUT', 'no answer', { cause: undefined });
    };
    beforeNextNote(loseNoteAnswer);
    await shop.becomesHealthy('staging');
    const head = shop.heads.get(notesRef);
    await shop.pass(60_000);
    expect(shop.stage('staging')?.admitted?.noted).toBe('verified');
    expect([shop.heads.get(notesRef), shop.pushesTo(notesRef)]).toEqual([head, []]);
  });
});
