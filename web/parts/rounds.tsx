import type { RoundSummary } from "../../src/contract/api.ts";

const percent = (value: number | null) => (value === null ? "–" : `${Math.round(value * 100)} %`);

/** What each round found, beside the random picks that tell what chance would have found. */
export function RoundTable({ rounds }: { rounds: RoundSummary[] }) {
  const random = rounds.reduce((sum, round) => ({ shown: sum.shown + round.randomShown, hits: sum.hits + round.randomPositives }), { shown: 0, hits: 0 });
  return (
    <section aria-labelledby="rounds-title">
      <h2 id="rounds-title">Rounds</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Round</th>
            <th scope="col">Shown</th>
            <th scope="col">Yes</th>
            <th scope="col">No</th>
            <th scope="col">Precision</th>
          </tr>
        </thead>
        <tbody>
          {rounds.map((round) => (
            <tr key={round.round}>
              <th scope="row">{round.round === 0 ? "start" : round.round}</th>
              <td>{round.mode === "start" ? "examples" : round.mode}</td>
              <td>{round.positives}</td>
              <td>{round.negatives}</td>
              <td title={round.precision === null ? undefined : `95 % interval ${percent(round.precisionLow)} to ${percent(round.precisionHigh)}`}>
                {percent(round.precision)}
                {round.precision !== null && (
                  <span className="interval">
                    {percent(round.precisionLow)}–{percent(round.precisionHigh)}
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="hint">
        Random picks: {random.shown === 0 ? "none answered yet" : `${random.hits} of ${random.shown} were positive (${percent(random.hits / random.shown)})`}.
        That is what showing objects by chance would find.
      </p>
    </section>
  );
}
