/** The alpha rule's one number, with what it does in plain words. */
export function AlphaSlider({ alpha, onChange, id }: { alpha: number; onChange(alpha: number): void; id: string }) {
  const meaning =
    alpha >= 0.75
      ? "Precision: keeps showing the most certain objects, for a clean sample."
      : alpha <= 0.25
        ? "Recall: soon looks at less certain objects too, so that few are missed."
        : "Balance: certain objects while they are still wrong too often, then doubtful ones.";
  return (
    <div className="alpha">
      <label htmlFor={id}>
        Alpha <output>{alpha.toFixed(2)}</output>
      </label>
      <div className="ends">
        <span>find all</span>
        <input
          id={id}
          type="range"
          min="0"
          max="1"
          step="0.05"
          value={alpha}
          aria-describedby={`${id}-meaning`}
          onChange={(event) => onChange(Number(event.target.value))}
        />
        <span>be sure</span>
      </div>
      <p id={`${id}-meaning`} className="hint">
        {meaning} When positives / negatives of a round exceed alpha, the next round shows lower-scored objects.
      </p>
    </div>
  );
}
