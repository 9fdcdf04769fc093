import { useState } from "react";
import type { Imported } from "../../../src/contract/insight.ts";
import { useWho } from "../../actions/memory.ts";
import { api } from "../../client/api.ts";

/** A table of labels: looked at first, with its conflicts; saved as the person's own opinions. */
export function ImportPanel({ session, onSaved }: { session: string; onSaved(): void }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<Imported | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const who = useWho();
  const send = async (table: string, apply: boolean) => {
    try {
      setFound(await api.importLabels(session, who, table, apply));
      setFailure(null);
      if (apply) onSaved();
    } catch (error) {
      setFound(null);
      setFailure((error as Error).message);
    }
  };
  return (
    <fieldset className="panel" aria-label="Import labels">
      <label className="button">
        Choose a table (CSV with id and label)
        <input
          type="file"
          accept=".csv,.tsv,.txt"
          className="file"
          onChange={(event) => {
            const [file] = event.target.files ?? [];
            if (file === undefined) return;
            void file.text().then((table) => {
              setText(table);
              void send(table, false);
            });
          }}
        />
      </label>
      {failure !== null && (
        <p className="notice" role="alert">
          {failure}
        </p>
      )}
      {found !== null && (
        <div role="status">
          <p>
            {found.fresh} new labels, {found.same} the same as here, {found.conflicts.length} that differ,{" "}
            {found.unknown.length} of objects that are not in this survey.
          </p>
          {found.conflicts.length > 0 && (
            <table>
              <thead>
                <tr>
                  <th scope="col">Object</th>
                  <th scope="col">Here</th>
                  <th scope="col">In the table</th>
                </tr>
              </thead>
              <tbody>
                {found.conflicts.slice(0, 12).map(({ object, here, who, imported }) => (
                  <tr key={object}>
                    <th scope="row">{object}</th>
                    <td>
                      {here} ({who})
                    </td>
                    <td>{imported}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {found.saved ? (
            <p>Saved. Where they differ both opinions are kept.</p>
          ) : (
            <button
              type="button"
              className="main"
              disabled={found.fresh + found.conflicts.length === 0}
              onClick={() => void send(text, true)}
            >
              Save {found.fresh + found.conflicts.length} labels as {who}
            </button>
          )}
        </div>
      )}
    </fieldset>
  );
}
