/** The alpha rule's one number, with what it does in plain words. */
export function AlphaSlider({ alpha, answers, onChange, id }: { alpha: number; answers: number; onChange(alpha: number): void; id: string }) {
  // P / (n - P) <= alpha where P <= n alpha / (1 + alpha).
  const turn = Math.floor((answers * alpha) / (1 + alpha) + 1e-9);
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
        {meaning} For example: of {answers} answers in a round, with up to {turn} positive the next round shows the highest scores; with {turn + 1} or more it
        looks at lower ones.
      </p>
    </div>
  );
}
