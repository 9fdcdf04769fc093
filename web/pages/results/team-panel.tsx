import type { PersonAgreement } from "../../../src/contract/team.ts";
import { useAsked } from "../../actions/use-asked.ts";
import { api } from "../../client/api.ts";

const percent = (share: number) => `${Math.round(100 * share)} %`;

/** Who labels how, how far each agrees with the others, and whose answers somebody should look at. */
export function TeamPanel({ session, lastSeq }: { session: string; lastSeq: number }) {
  const { answer, failure } = useAsked(() => api.agreement(session), [session, lastSeq], true);
  if (failure !== null) return <p className="notice">{failure}</p>;
  if (answer === null) return null;
  return (
    <fieldset className="panel" aria-label="Who agrees">
      <table>
        <thead>
          <tr>
            <th>Person</th>
            <th>Labels</th>
            <th>Yes</th>
            <th>An hour</th>
            <th>Kappa with the others (95 %)</th>
            <th>Known objects right</th>
          </tr>
        </thead>
        <tbody>
          {answer.people.map((person) => (
            <Line key={person.who} person={person} />
          ))}
        </tbody>
      </table>
      {answer.pairs.length > 0 && (
        <p className="hint">
          {answer.pairs
            .map(
              ({ one, other, kappa, low, high, objects }) =>
                `${one} and ${other}: ${kappa.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)}, ${objects} objects)`,
            )
            .join(" · ")}
        </p>
      )}
      <p className="hint">
        {answer.conflicts} objects have different answers. Kappa is agreement beyond chance, from twenty common objects
        on.
      </p>
    </fieldset>
  );
}

function Line({ person: { who, labels, yes, no, perHour, others, gold, flags } }: { person: PersonAgreement }) {
  const right = gold.yesRight + gold.noRight;
  const asked = right + gold.yesWrong + gold.noWrong;
  return (
    <tr>
      <td>
        {who}
        {flags.map((flag) => (
          <p key={flag} className="notice">
            {flag}
          </p>
        ))}
      </td>
      <td>{labels}</td>
      <td>{yes + no === 0 ? "–" : percent(yes / (yes + no))}</td>
      <td>{perHour === null ? "–" : Math.round(perHour)}</td>
      <td>
        {others === null ? "–" : `${others.kappa.toFixed(2)} (${others.low.toFixed(2)} to ${others.high.toFixed(2)})`}
      </td>
      <td>{asked === 0 ? "–" : `${right} of ${asked}`}</td>
    </tr>
  );
}
