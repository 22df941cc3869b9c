import { Progress } from '@mantine/core';
import type { Stage } from '../../src/api/answers.ts';
import { Ago, durationText, useNow } from './times.tsx';
import { authorName, Sha, VerdictWord } from './words.tsx';

/** One stage as the graph shows it: what it runs, how that stands and why, and what waits to enter. */
export function StageCard({ stage }: { readonly stage: Stage }) {
  const { admitted, after, trouble, waiting, waitingCount, foreign } = stage;
  const verdict = admitted?.verdict ?? 'empty';
  return (
    <article className="stage" data-verdict={verdict} aria-label={`Stage ${stage.name}`}>
      <header>
        <h3>{stage.name}</h3>
        {admitted !== undefined && <VerdictWord verdict={admitted.verdict} />}
      </header>
      {admitted === undefined ? (
        <p className="faint grow">
          {after.length === 0
            ? 'No Release has entered yet: push a commit.'
            : `No Release has entered yet: one has to be verified in ${after.join(' and ')} first.`}
        </p>
      ) : (
        <>
          <p className="subject" title={admitted.release.subject}>
            {admitted.release.subject ?? admitted.release.name}
          </p>
          <p className="byline">
            <Sha id={admitted.release.revision} />
            {admitted.release.author !== undefined && <span className="cut">{authorName(admitted.release.author)}</span>}
            <Ago time={admitted.admittedAt} />
          </p>
          <div className="grow">
            <StageReason stage={stage} />
          </div>
        </>
      )}
      {foreign !== undefined && <p className="trouble cut">Foreign commit {foreign.commit.slice(0, 8)} on its branch</p>}
      {waitingCount > 0 && (
        <p className="next cut" title={waiting[0]?.reason}>
          waiting: {waiting[0]?.release.subject ?? waiting[0]?.release.name}
          {waitingCount > 1 && ` and ${waitingCount - 1} more`}
        </p>
      )}
      <footer>
        <span>
          {stage.applications.total === 0
            ? 'no Applications'
            : `${stage.applications.healthy}/${stage.applications.total} healthy · ${stage.applications.synced}/${stage.applications.total} synced`}
        </span>
      </footer>
      {trouble === undefined ? null : <span className="unseen">{`${trouble.application} is ${trouble.health}`}</span>}
    </article>
  );
}

function StageReason({ stage: { admitted, trouble, soakSeconds } }: { readonly stage: Stage }) {
  if (admitted === undefined) return null;
  const isTrouble = admitted.verdict === 'failed' || trouble?.health === 'Degraded' || trouble?.health === 'Failed';
  const reason = trouble === undefined ? admitted.reason : `${trouble.application}: ${trouble.message || trouble.health}`;
  if (isTrouble) {
    return (
      <p className="reason trouble" title={reason}>
        {reason}
      </p>
    );
  }
  if (admitted.verdict === 'pending' && soakSeconds > 0 && admitted.soak !== undefined && trouble === undefined) {
    return <Soak countedMs={admitted.soak.countedMs} observedAt={admitted.soak.observedAt} neededMs={soakSeconds * 1000} />;
  }
  return (
    <p className="reason faint" title={reason}>
      {reason}
    </p>
  );
}

/** The server counts; between its counts the clock of this machine goes on. */
function Soak({ countedMs, observedAt, neededMs }: { readonly countedMs: number; readonly observedAt: string; readonly neededMs: number }) {
  const now = useNow();
  const soakedMs = Math.min(neededMs, countedMs + Math.max(0, now - Date.parse(observedAt)));
  const text = `healthy for ${durationText(soakedMs)} of ${durationText(neededMs)}`;
  return (
    <div className="soak">
      <Progress value={(soakedMs / neededMs) * 100} size={5} color="blue" aria-label={text} />
      <span className="faint">{text}</span>
    </div>
  );
}
