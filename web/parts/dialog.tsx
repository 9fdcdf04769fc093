import { type ReactNode, useEffect, useRef } from "react";
import "./dialog.css";

/** A modal window; Escape and a click beside it close it. */
export function Dialog({
  title,
  onClose,
  children,
  wide,
}: {
  title: string;
  onClose(): void;
  children: ReactNode;
  wide?: boolean;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    ref.current?.showModal();
  }, []);
  // The browser says that a dialog is closed a moment after it closed it, and a key pressed in between would open it
  // only for that news to close it again.
  const close = () => {
    ref.current?.close();
    onClose();
  };
  return (
    <dialog
      ref={ref}
      className={wide ? "wide" : undefined}
      aria-label={title}
      onClose={onClose}
      onCancel={(event) => event.target === ref.current && close()}
      onPointerDown={(event) => event.target === ref.current && close()}
    >
      <div className="dialog-head">
        <h2>{title}</h2>
        <button type="button" className="quiet" onClick={close}>
          Close
        </button>
      </div>
      {children}
    </dialog>
  );
}
