// The keys of Explore. Every key does what a control on the page does too.
import { useMemo } from 'react';
import { useKeys, type KeyMap } from '../../parts/keys';
import type { Editing } from '../../parts/QueryStrip';
import { zoomOut } from '../../state/edit';
import type { Explore } from '../../state/explore';
import { viewsOf } from './ViewBar';

type Acts = { explore: Explore; edit: (next: Explore) => void; setEditing: (editing: Editing) => void; openRange: () => void; again: () => void; cancel: () => void; running: boolean; undo: (() => void) | null; redo: (() => void) | null; link: () => void; live: () => void; search: () => void; save: () => void; history: () => void; mark: () => void };

export function useExploreKeys(a: Acts) {
  const map = useMemo<KeyMap>(() => {
    const views = viewsOf(a.explore);
    return {
      '/': () => a.setEditing({ part: 'where', at: null }),
      v: () => a.setEditing({ part: 'show', at: null }),
      g: () => a.setEditing({ part: 'by', at: null }),
      '=': () => a.setEditing({ part: 'field', at: null }),
      f: () => a.setEditing({ part: 'formula', at: null }),
      r: a.openRange,
      y: a.link,
      l: a.live,
      s: a.save,
      h: a.history,
      m: a.mark,
      '0': () => a.edit(zoomOut(a.explore)),
      'mod+k': a.search,
      'mod+enter': a.again,
      'mod+z': () => a.undo?.(),
      'mod+shift+z': () => a.redo?.(),
      escape: () => a.running && a.cancel(),
      ...Object.fromEntries(views.map((view, i) => [String(i + 1), () => a.edit({ ...a.explore, view: view === 'heatmap' ? null : view })])),
    };
  }, [a]);
  useKeys(map);
}
