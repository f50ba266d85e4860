// A trace's id pasted while no text field has the focus opens the trace, on any page.
import { useEffect } from 'react';
import type { Go } from '../state/location';
import { traceIdIn, traceLook } from '../state/looking';
import { isTyping } from './keys';

export function usePastedTrace(dataset: string, go: Go) {
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const id = isTyping(event.target) ? null : traceIdIn(event.clipboardData?.getData('text') ?? '');
      if (!id) return;
      event.preventDefault();
      go({ page: 'trace', trace: traceLook(dataset, id) });
    };
    window.addEventListener('paste', paste);
    return () => window.removeEventListener('paste', paste);
  }, [dataset, go]);
}
