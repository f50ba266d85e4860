// Which page is shown: signing in while the server asks for a key, first run while there is no event, else what the URL says. A link without a question gets the
// default one of its dataset, without a step of history.
import { lazy, Suspense, useCallback, useEffect, useMemo } from 'react';
import { serverNow } from './api/client';
import { useDatasets, useFields, useSession, useSignOut } from './api/hooks';
import { useKeyNeeded } from './api/session';
import type { DatasetInfo } from './api/types';
import { ErrorBand } from './parts/ErrorBand';
import { Frame } from './parts/Frame';
import type { IconName } from './parts/Icon';
import { usePastedTrace } from './parts/usePastedTrace';
import { ExplorePage } from './pages/explore/ExplorePage';
import { emptyExplore, isLast, type Explore } from './state/explore';
import { emptyIntents } from './state/intents';
import { usePage } from './state/location';
import { defaultShow } from './state/spec';
import type { Different } from './state/different';
import { TRACES_LAST, type Looking as LookingPage } from './state/looking';
import { datasetOf, frozen, type Page } from './state/url';
import { titleOf, titleOfLooking } from './words/titles';
import { troubleOfError } from './words/errors';

const FirstRun = lazy(() => import('./pages/first/FirstRun').then((m) => ({ default: m.FirstRun })));
const SignInPage = lazy(() => import('./pages/signin/SignInPage').then((m) => ({ default: m.SignInPage })));
const DifferentPage = lazy(() => import('./pages/different/DifferentPage').then((m) => ({ default: m.DifferentPage })));
const SettingsPage = lazy(() => import('./pages/settings/SettingsPage').then((m) => ({ default: m.SettingsPage })));
const IntentsPage = lazy(() => import('./pages/intents/IntentsPage').then((m) => ({ default: m.IntentsPage })));
const BoardsPage = lazy(() => import('./pages/boards/BoardsPage').then((m) => ({ default: m.BoardsPage })));
const BoardPage = lazy(() => import('./pages/boards/BoardPage').then((m) => ({ default: m.BoardPage })));
const DataPage = lazy(() => import('./pages/data/DataPage').then((m) => ({ default: m.DataPage })));
const Looking = lazy(() => import('./pages/Looking').then((m) => ({ default: m.Looking })));
const LISTEN_MS = 1000;
const LOOK_AGAIN_MS = 30_000;

/** The dataset people most likely want: the one that heard from somebody last. */
function newest(datasets: DatasetInfo[]): string {
  const time = (d: DatasetInfo) => Date.parse(d.last_event ?? '') || 0;
  return [...datasets].sort((a, b) => time(b) - time(a) || b.events - a.events)[0]?.name ?? '';
}

export function App() {
  return useKeyNeeded() ? <Locked /> : <Unlocked />;
}

/** Nothing is asked, and nothing that was read is shown, before somebody signs in. */
function Locked() {
  const [page, go] = usePage();
  useEffect(() => {
    document.title = 'Sign in · Outcrop';
  }, []);
  return <Frame places={[]} current={page.page} go={go} onSignOut={null}><Suspense fallback={<Away />}><SignInPage /></Suspense></Frame>;
}

function Unlocked() {
  const [page, go] = usePage();
  const session = useSession();
  const signOut = useSignOut();
  const asked = datasetOf(page);
  const list = useDatasets(false);
  const filled = useMemo(() => (list.data ?? []).filter((d) => d.events > 0), [list.data]);
  const silent = list.isSuccess && filled.length === 0;
  useListening(silent ? LISTEN_MS : LOOK_AGAIN_MS, list.refetch);
  const dataset = asked || newest(filled);
  const fields = useFields(silent ? '' : dataset);
  const fieldList = useMemo(() => fields.data ?? [], [fields.data]);

  const explore = useMemo<Explore | null>(() => {
    if (page.page !== 'explore' || dataset === '') return null;
    if (page.explore.show.length > 0) return { ...page.explore, dataset };
    return fields.isFetched ? { ...page.explore, dataset, show: defaultShow(fieldList) } : null;
  }, [page, dataset, fields.isFetched, fieldList]);
  useEffect(() => {
    if (!silent && explore && page.page === 'explore' && (page.explore.dataset === '' || page.explore.show.length === 0)) go({ page: 'explore', explore }, 'replace');
  }, [silent, explore, page, go]);
  const looking = isLooking(page) ? page : null;
  const different = useMemo<Different | null>(() => (page.page === 'different' && dataset !== '' && !isLast(page.different.explore.range) ? { ...page.different, explore: { ...page.different.explore, dataset } } : null), [page, dataset]);
  // What was picked has happened: a link whose times are relative means those of its opening.
  useEffect(() => {
    if (page.page === 'different' && isLast(page.different.explore.range)) go(frozen(page, serverNow()), 'replace');
  }, [page, go]);
  useEffect(() => {
    document.title = page.page === 'settings' ? 'Settings · Outcrop' : page.page === 'intents' ? 'Intents · Outcrop' : page.page === 'boards' || page.page === 'board' ? 'Boards · Outcrop' : looking ? titleOfLooking(looking) : different ? `What is different: ${titleOf(different.explore)} · Outcrop` : silent ? 'Send your first event · Outcrop' : explore ? `${titleOf(explore)} · Outcrop` : 'Outcrop';
  }, [silent, explore, different, looking, page.page]);

  const choose = useCallback((name: string) => go({ page: 'explore', explore: { ...emptyExplore, dataset: name, range: explore?.range ?? emptyExplore.range } }), [go, explore?.range]);
  const retry = useCallback(() => void list.refetch(), [list]);
  usePastedTrace(dataset, go);
  const places: { name: Page['page']; label: string; icon: IconName; page: Page }[] = [
    { name: 'explore', label: 'Explore', icon: 'explore', page: { page: 'explore', explore: explore ?? different?.explore ?? { ...emptyExplore, dataset } } },
    ...(silent ? [] : [{ name: 'intents' as const, label: 'Intents', icon: 'intents' as const, page: { page: 'intents' as const, intents: { ...emptyIntents, dataset } } }]),
    ...(silent ? [] : placesLooking(dataset)),
    ...(silent ? [] : [{ name: 'boards' as const, label: 'Boards', icon: 'boards' as const, page: { page: 'boards' as const } }]),
    ...(silent ? [] : [{ name: 'data' as const, label: 'Data', icon: 'data' as const, page: { page: 'data' as const, dataset } }]),
  ];
  return (
    <Frame places={places} current={placeOf(page)} go={go} onSignOut={session.data?.key ? () => signOut.mutate() : null}>
      {list.isError && !list.data ? (
        <Away><ErrorBand key={list.errorUpdatedAt} trouble={troubleOfError(list.error)} onFix={null} onUndo={null} onRetry={retry} /></Away>
      ) : page.page === 'settings' ? (
        <Suspense fallback={<Away />}><SettingsPage session={session.data ?? null} datasets={list.data ?? []} onSignOut={session.data?.key ? () => signOut.mutate() : null} /></Suspense>
      ) : silent ? (
        <Suspense fallback={<Away />}><FirstRun origin={window.location.origin} keyed={session.data?.key != null} /></Suspense>
      ) : page.page === 'boards' ? (
        <Suspense fallback={<Away />}><BoardsPage go={go} /></Suspense>
      ) : page.page === 'board' ? (
        <Suspense fallback={<Away />}><BoardPage at={page} dataset={dataset} go={go} /></Suspense>
      ) : page.page === 'intents' ? (
        <Suspense fallback={<Away />}><IntentsPage intents={{ ...page.intents, dataset }} datasets={filled} go={go} /></Suspense>
      ) : page.page === 'data' ? (
        <Suspense fallback={<Away />}><DataPage dataset={dataset} part={page.part ?? 'fields'} datasets={list.data ?? []} session={session.data ?? null} now={serverNow()} go={go} /></Suspense>
      ) : looking && dataset !== '' ? (
        <Suspense fallback={<Away />}><Looking page={looking} dataset={dataset} datasets={filled} fields={fieldList} ready={fields.isFetched} go={go} /></Suspense>
      ) : different ? (
        <Suspense fallback={<Away />}><DifferentPage different={different} datasets={filled} fields={fieldList} go={go} onDataset={choose} /></Suspense>
      ) : explore ? (
        <ExplorePage explore={explore} datasets={filled} fields={fieldList} ready go={go} onDataset={choose} />
      ) : (
        <Away />
      )}
    </Frame>
  );
}

/** The pages that look at events as they are, in the rail. */
const placesLooking = (dataset: string): { name: Page['page']; label: string; icon: IconName; page: Page }[] => [
  { name: 'traces', label: 'Traces', icon: 'traces', page: { page: 'traces', traces: { dataset, choice: 'slowest', last: TRACES_LAST } } },
  { name: 'live', label: 'Live', icon: 'live', page: { page: 'live', live: { dataset, where: [] } } },
];

const isLooking = (page: Page): page is LookingPage => ['trace', 'traces', 'live', 'event'].includes(page.page);

/** The place of the rail that a page belongs to. */
function placeOf(page: Page): Page['page'] {
  if (page.page === 'different' || page.page === 'event') return 'explore';
  if (page.page === 'board') return 'boards';
  return page.page === 'trace' ? 'traces' : page.page;
}

/** The frame without a page: while the list of datasets is read, or when nobody answers. */
function Away({ children }: { children?: React.ReactNode }) {
  return (
    <>
      <header className="top"><h1>Outcrop</h1></header>
      <main className="away">{children}</main>
    </>
  );
}

function useListening(ms: number, look: () => unknown) {
  useEffect(() => {
    const timer = setInterval(() => document.hidden || look(), ms);
    return () => clearInterval(timer);
  }, [ms, look]);
}
