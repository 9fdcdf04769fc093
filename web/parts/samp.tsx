import { useEffect, useState } from "react";
import { useAsked } from "../actions/use-asked.ts";
import { api } from "../client/api.ts";

/** How often other programs are asked what they point at, once they were sent something. */
const LOOK_MS = 2000;

/** What is sent: the rows of a session's ranking that a filter lets through, with further columns. */
interface Props {
  session: string;
  survey: string;
  query: URLSearchParams;
  columns: string[];
  /** Another program points at an object of this survey. */
  onSelect(object: string): void;
}

/** Sends the ranking to TOPCAT, Aladin or DS9 on this machine (SAMP), and follows what they point at. */
export function SampButton({ session, survey, query, columns, onSelect }: Props) {
  const { answer } = useAsked(() => api.samp(), []);
  const [said, setSaid] = useState("");
  const [isConnected, setConnected] = useState(false);
  useEffect(() => {
    if (!isConnected) return;
    let last: number | null = null;
    const look = async () => {
      const { selected } = await api.samp();
      if (last !== null && selected !== null && selected.count !== last && selected.survey === survey)
        onSelect(selected.object);
      last = selected?.count ?? 0;
    };
    const timer = setInterval(() => void look().catch(() => {}), LOOK_MS);
    return () => clearInterval(timer);
  }, [isConnected, survey, onSelect]);
  if (answer?.allowed !== true) return null;
  const send = async () => {
    setSaid("sending…");
    try {
      const { peers } = await api.sampConnect();
      setConnected(true);
      const taking = peers.filter(({ tables }) => tables);
      if (taking.length === 0) return setSaid("no program there takes tables: start TOPCAT, Aladin or DS9");
      await api.sampTable(session, Object.fromEntries(query), columns);
      setSaid(`sent to ${taking.map(({ name }) => name).join(", ")}`);
    } catch (error) {
      setSaid((error as Error).message);
    }
  };
  return (
    <>
      <button
        type="button"
        title="Send these rows to other programs on this machine (SAMP)"
        onClick={() => void send()}
      >
        Send to TOPCAT, Aladin, DS9
      </button>
      {said !== "" && (
        <span className="hint" role="status">
          {said}
        </span>
      )}
    </>
  );
}
