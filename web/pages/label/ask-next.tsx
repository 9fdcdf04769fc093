import { Dialog } from "../../parts/dialog.tsx";

/** Asks before a page without any answer is left: a slip of the Enter key must not cost its best candidates. */
export function AskNext({
  count,
  onRest,
  onNext,
  onClose,
}: {
  count: number;
  onRest(): void;
  onNext(): void;
  onClose(): void;
}) {
  return (
    <Dialog title="Nothing on this page is answered" onClose={onClose}>
      <p>
        The next round would learn nothing new. The {count} objects stay in “Skipped” and come again after three rounds.
      </p>
      <div className="choices">
        <button type="button" className="main" onClick={onClose}>
          Stay here
        </button>
        <button type="button" onClick={onRest}>
          All are negative
        </button>
        <button type="button" onClick={onNext}>
          Next round without answers
        </button>
      </div>
    </Dialog>
  );
}
