import { canonicalJson, type Json } from '../src/model/json.ts';
import { type Decision, decide, queueOf } from '../src/promotion/decide.ts';
import { releasesToDelete, stagesOfRelease } from '../src/promotion/release-record.ts';
import type { ApplicationView, PipelineView } from '../src/promotion/view.ts';
import type { Admission, PipelineStatus, StageSpec, StageStatus, Verdict } from '../src/resources/pipeline.ts';
import type { Release } from '../src/resources/release.ts';
import { awaitsPush, runningIn } from '../src/sync/wanted.ts';
import { commitOf, release } from './builders.ts';
import { start } from './builders-promotion.ts';

/** What may happen to the model world; `stage` and `app` are taken modulo what there is. */
export type WorldEvent =
  | { readonly is: 'push'; readonly bytes: number; readonly broken: boolean }
  | { readonly is: 'decide' }
  | { readonly is: 'decide-and-crash' }
  | { readonly is: 'record'; readonly stage: number }
  | { readonly is: 'sync'; readonly stage: number }
  | { readonly is: 'settle'; readonly stage: number }
  | { readonly is: 'flip'; readonly stage: number; readonly health: ApplicationView['health'] }
  | { readonly is: 'watch'; readonly stage: number; readonly on: boolean }
  | { readonly is: 'wait'; readonly seconds: number }
  | { readonly is: 'clock-back'; readonly seconds: number };

const text = (value: unknown): string => canonicalJson(value as Json);

type App = { release: string | undefined; digest: string; health: ApplicationView['health']; since: number; watchedSince: number | undefined };
type Stage = { readonly spec: StageSpec; readonly app: App; soundMs: number };

/**
 * A Pipeline, its clusters, its Git host and a clock in memory. Every event takes one millisecond of true time, so that no two happen at the
 * same one; the wall clock may be set back by whole seconds. What went wrong is in `broken`, as sentences.
 */
export function openPromotionWorld(specs: readonly StageSpec[]) {
  const stages: Stage[] = specs.map((spec) => ({
    spec,
    app: { release: undefined, digest: '', health: 'Missing', since: start, watchedSince: start },
    soundMs: 0,
  }));
  const broken: string[] = [];
  const verdicts = new Map<string, Verdict>();
  const facts = new Map<string, { readonly bytes: number; readonly broken: boolean }>();
  let releases: Release[] = [];
  let status: PipelineStatus = { conditions: [], stages: [] };
  let pushes = 0;
  let trueMs = 0;
  let backMs = 0;

  const wallMs = (): number => start + trueMs - backMs;
  const statusOf = (name: string, from = status): StageStatus | undefined => from.stages.find((stage) => stage.name === name);
  const pick = (index: number): Stage => stages[index % stages.length] as Stage;
  const must = (holds: boolean, sentence: string): void => void (holds || broken.push(sentence));

  function pass(ms: number): void {
    trueMs += ms;
    for (const stage of stages) if (stage.app.health === 'Healthy' && stage.app.watchedSince !== undefined) stage.soundMs += ms;
  }

  function setHealth(stage: Stage, health: App['health']): void {
    if (stage.app.health !== health) Object.assign(stage.app, { health, since: wallMs() });
    if (health !== 'Healthy') stage.soundMs = 0;
  }

  function view(from: PipelineStatus): PipelineView {
    return {
      suspended: false,
      releases: releases.map(({ metadata, spec, status: its }) => ({
        name: metadata.name,
        revision: spec.revision,
        sequence: spec.sequence,
        frozen: (its?.stages ?? []).flatMap(({ name, state, frozen }) =>
          frozen && state !== 'waiting' && state !== 'skipped' ? [{ stage: name, verdict: state }] : [],
        ),
      })),
      stages: stages.map(({ spec, app }) => {
        const admitted = statusOf(spec.name, from)?.admitted;
        return {
          spec,
          status: statusOf(spec.name, from),
          applications: [
            {
              name: `web-${spec.name}`,
              current: app.release !== undefined && app.release === admitted?.release,
              synced: app.release !== undefined,
              refused: undefined,
              health: app.health,
              healthMessage: '',
              healthSinceMs: app.since,
              digest: app.digest,
              rendersNothing: false,
              watchedSinceMs: app.watchedSince,
            },
          ],
        };
      }),
    };
  }

  function decideNow(write: boolean): void {
    const decision = decide(view(status), wallMs());
    checkRepeated(decision);
    if (!write) return;
    for (const stage of stages) checkStage(stage, statusOf(stage.spec.name), decision.stages.find(({ name }) => name === stage.spec.name) as StageStatus);
    status = { ...status, stages: [...decision.stages] };
    writeReleases();
  }

  /** A worker that was killed before or after it wrote decides again: nothing more may come of it. */
  function checkRepeated(decision: Decision): void {
    must(text(decide(view(status), wallMs())) === text(decision), 'the same view led to another decision');
    const again = decide(view({ ...status, stages: [...decision.stages] }), wallMs());
    must(again.admitted.length === 0, `decided again at once, ${again.admitted.join()} took another Release`);
    for (const stage of decision.stages.filter(({ name }) => !decision.admitted.includes(name))) {
      must(text(again.stages.find(({ name }) => name === stage.name)) === text(stage), `decided again at once, ${stage.name} changed`);
    }
  }

  function checkStage({ spec, app, soundMs }: Stage, before: StageStatus | undefined, now: StageStatus): void {
    const [was, is] = [before?.admitted, now.admitted];
    // What it was judged last stands in the history when it moved on in the same decision.
    const judged = was === undefined || was.ordinal === is?.ordinal ? is : now.history[0];
    if (was !== undefined && judged !== undefined) {
      checkVerdict(spec, was, judged.verdict, app, soundMs);
      verdicts.set(`${spec.name}/${judged.release}`, judged.verdict);
    }
    if (is?.verdict === 'pending') must(wallMs() < Date.parse(is.deadlineAt) || is.ordinal !== was?.ordinal, `P3: ${spec.name} is pending after its deadline`);
    if (is?.soak !== undefined) must(is.soak.countedMs <= soundMs, `P6: ${spec.name} counted ${is.soak.countedMs} of ${soundMs} ms`);
    if (is === undefined || is.ordinal === was?.ordinal) return;

    must(is.ordinal === (was?.ordinal ?? 0) + 1, `P8: ${spec.name} went from ordinal ${was?.ordinal ?? 0} to ${is.ordinal}`);
    must(was === undefined || is.sequence > was.sequence, `${spec.name} went back`);
    must(was === undefined || !awaitsPush(spec, was), `P8: ${spec.name} took a Release while a commit was on its way`);
    must(was === undefined || queueOf(spec, specs) === 'newest' || judged?.verdict !== 'pending', `P2: ${spec.name} pre-empted ${was?.release ?? ''}`);
    for (const name of spec.after) must(verdicts.get(`${name}/${is.release}`) === 'verified', `P1: ${is.release} entered ${spec.name} unverified in ${name}`);
  }

  function checkVerdict(spec: StageSpec, was: Admission, verdict: Verdict, app: App, soundMs: number): void {
    if (verdict !== 'verified' || was.verdict === 'verified') return;
    must(
      app.release === was.release && app.health === 'Healthy',
      `P4: ${spec.name} verified ${was.release} while ${app.release ?? 'nothing'} was ${app.health}`,
    );
    must(soundMs >= spec.verify.soakSeconds * 1000, `P6: ${spec.name} verified after ${soundMs} ms`);
    must(!awaitsPush(spec, was), `P4: ${spec.name} verified what is not in Git`);
  }

  function writeReleases(): void {
    releases = releases.map((each) => {
      const now = stagesOfRelease(each, specs, status, new Date(wallMs()));
      for (const stage of now) {
        const before = each.status?.stages.find(({ name }) => name === stage.name);
        const running = statusOf(stage.name)?.admitted;
        must(!before?.frozen || text(before) === text(stage), `a frozen verdict of ${stage.name} changed`);
        if (running !== undefined && each.spec.sequence < running.sequence && stage.admittedAt === undefined)
          must(stage.state === 'skipped', `P2: ${each.metadata.name} was passed over in ${stage.name} and says ${stage.state}`);
        if (running !== undefined && each.spec.sequence < running.sequence)
          must(stage.state !== 'pending' && stage.state !== 'waiting', `P3: ${each.metadata.name} has left ${stage.name} and says ${stage.state}`);
      }
      must(
        text(stagesOfRelease({ ...each, status: { reported: [], stages: now } }, specs, status, new Date(wallMs() + 1000))) === text(now),
        'deriving a Release again changed it',
      );
      return { ...each, status: { reported: [], stages: now } };
    });
    const leaving = releasesToDelete(releases, status);
    releases = releases.filter((each) => !leaving.includes(each));
  }

  function happen(event: WorldEvent): void {
    pass(1);
    switch (event.is) {
      case 'push': {
        pushes += 1;
        const made = release({ spec: { sequence: pushes } });
        facts.set(made.metadata.name, { bytes: event.bytes, broken: event.broken });
        releases.push(made);
        return;
      }
      case 'decide':
        return decideNow(true);
      case 'decide-and-crash':
        return decideNow(false);
      case 'record': {
        const { spec } = pick(event.stage);
        const stage = statusOf(spec.name);
        if (stage?.admitted?.record === undefined || stage.admitted.record.pushed) return;
        const commit = commitOf(stage.admitted.ordinal % 10);
        const recorded: StageStatus = { ...stage, head: commit, admitted: { ...stage.admitted, record: { ...stage.admitted.record, commit, pushed: true } } };
        status = { ...status, stages: status.stages.map((each) => (each.name === spec.name ? recorded : each)) };
        return;
      }
      case 'sync': {
        const stage = pick(event.stage);
        const running = runningIn(stage.spec, statusOf(stage.spec.name));
        const { admitted, history = [] } = statusOf(stage.spec.name) ?? {};
        if (running === undefined) return;
        const runs = [admitted, ...history].find(
          (entry) => entry !== undefined && entry.revision === running.revision && (entry !== admitted || !awaitsPush(stage.spec, entry as Admission)),
        )?.release;
        if (runs === undefined || runs === stage.app.release) return;
        const digest = `bytes-${facts.get(runs)?.bytes ?? 0}`;
        stage.app.release = runs;
        if (digest === stage.app.digest) return;
        stage.app.digest = digest;
        stage.soundMs = 0;
        return setHealth(stage, 'Progressing');
      }
      case 'settle': {
        const stage = pick(event.stage);
        if (stage.app.release !== undefined) setHealth(stage, facts.get(stage.app.release)?.broken ? 'Degraded' : 'Healthy');
        return;
      }
      case 'flip':
        return setHealth(pick(event.stage), event.health);
      case 'watch': {
        const { app } = pick(event.stage);
        app.watchedSince = event.on ? (app.watchedSince ?? wallMs()) : undefined;
        return;
      }
      case 'wait':
        return pass(event.seconds * 1000);
      case 'clock-back':
        backMs += event.seconds * 1000;
        return;
      default:
        return event satisfies never;
    }
  }

  return {
    happen,
    broken: broken as readonly string[],
    /** Releases that a stage verified. */
    verifiedIn: (name: string) =>
      [...verdicts].flatMap(([key, verdict]) => (verdict === 'verified' && key.startsWith(`${name}/`) ? [key.slice(name.length + 1)] : [])),
  };
}
