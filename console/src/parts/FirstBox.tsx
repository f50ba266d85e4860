// A text box that has the focus as soon as it is there, also where it is put on the page a moment after what opened it.
import { useEffect, useImperativeHandle, useRef, type ComponentProps } from 'react';

export function FirstBox({ on = true, ref, ...props }: ComponentProps<'input'> & { /** Whether it takes the focus. */ on?: boolean }) {
  const own = useRef<HTMLInputElement>(null);
  useImperativeHandle(ref, () => own.current!, []);
  useEffect(() => {
    // It is placed after it is there; the page must not scroll to where it was before.
    if (on) own.current?.focus({ preventScroll: true });
  }, []); // eslint-disable-line react-hooks/exhaustive-deps -- once
  return <input ref={own} {...props} />;
}
