// The top of Explore, always in the same order: dataset, name of the query; undo and redo, search, time range, live, link, save.
import type { DatasetInfo } from '../../api/types';
import type { Explore, Range } from '../../state/explore';
import { isLast } from '../../state/explore';
import type { Times } from '../../state/spec';
import { DatasetMenu } from '../../parts/DatasetMenu';
import { Icon } from '../../parts/Icon';
import { modKey } from '../../parts/keys';
import { TimeRange } from '../../parts/TimeRange';
import { titleOf } from '../../words/titles';

type Props = {
  explore: Explore;
  datasets: DatasetInfo[];
  when: Times;
  now: number;
  undo: (() => void) | null;
  redo: (() => void) | null;
  ranging: boolean;
  setRanging: (opened: boolean) => void;
  liveRests: boolean;
  onDataset: (name: string) => void;
  onRange: (range: Range) => void;
  onLive: () => void;
  onLink: () => void;
  onSearch: () => void;
  onSave: () => void;
  history: boolean;
  onHistory: () => void;
};

export function TopBar(p: Props) {
  const { explore } = p;
  return (
    <header className="top">
      <DatasetMenu name={explore.dataset} datasets={p.datasets} onChoose={p.onDataset} />
      <span className="slash wide" aria-hidden="true">/</span>
      <h1 className="cut" dir="auto">{titleOf(explore)}</h1>
      <span className="sp" />
      <span className="wide steps">
        {p.undo && <button type="button" className="btn ghost icon" aria-label="Undo" title={`Undo ${modKey('Z')}`} onClick={p.undo}><Icon name="undo" /></button>}
        {p.redo && <button type="button" className="btn ghost icon" aria-label="Redo" title={`Redo ${modKey('⇧Z')}`} onClick={p.redo}><Icon name="redo" /></button>}
      </span>
      <button type="button" className="btn goto-button" aria-haspopup="dialog" title={`Search all fields  ${modKey('K')}`} onClick={p.onSearch} data-testid="search"><Icon name="search" /><span className="words">Search all fields</span><kbd aria-hidden="true">{modKey('K')}</kbd></button>
      <button type="button" className="btn ghost icon" aria-label="History" title="History  H" aria-pressed={p.history} onClick={p.onHistory} data-testid="history-button"><Icon name="history" /></button>
      <TimeRange range={explore.range} shown={{ from: Date.parse(p.when.start_time), to: Date.parse(p.when.end_time) }} now={p.now} opened={p.ranging} onOpened={p.setRanging} onRange={p.onRange} />
      {isLast(explore.range) && (
        <button type="button" className="btn ghost wide" aria-pressed={explore.live} onClick={p.onLive} data-testid="live">
          <span className={explore.live && !p.liveRests ? 'live-dot on' : 'live-dot'} />
          {explore.live && p.liveRests ? 'Live, resting' : 'Live'}
        </button>
      )}
      <button type="button" className="btn ghost icon" aria-label="Copy link" title="Copy link  Y" onClick={p.onLink}><Icon name="link" /></button>
      <button type="button" className="btn wide" aria-haspopup="dialog" title="Save  S" onClick={p.onSave} data-testid="save"><Icon name="save" />Save</button>
    </header>
  );
}
