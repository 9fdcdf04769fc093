import { type ReactNode, useEffect, useRef } from "react";

/** A modal window; Escape and a click beside it close it. */
export function Dialog({ title, onClose, children, wide }: { title: string; onClose(): void; children: ReactNode; wide?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    ref.current?.showModal();
  }, []);
  return (
    // The browser gives dialogs their keyboard: Escape closes and calls onClose.
    <dialog
      ref={ref}
      className={wide ? "wide" : undefined}
      aria-label={title}
      onClose={onClose}
      onPointerDown={(event) => event.target === ref.current && ref.current.close()}
    >
      <div className="dialog-head">
        <h2>{title}</h2>
        <button type="button" className="quiet" onClick={() => ref.current?.close()}>
          Close
        </button>
      </div>
      {children}
    </dialog>
  );
}
