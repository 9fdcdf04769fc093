/**
 * Small tables that came as text (a form, an upload): comma, semicolon or tab, quotes as in RFC 4180. Files go through
 * DuckDB (duck.ts).
 */
export function parseDelimited(text: string): { columns: string[]; rows: string[][] } {
  const first = text.slice(0, text.search(/\r?\n|$/));
  const separator = [",", "\t", ";"].reduce((best, one) =>
    first.split(one).length > first.split(best).length ? one : best,
  );
  const lines: string[][] = [];
  let [cell, line, quoted] = ["", [] as string[], false];
  const endLine = () => {
    line.push(cell);
    if (line.length > 1 || line[0].trim() !== "") lines.push(line);
    [cell, line] = ["", []];
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') {
        cell += '"';
        i++;
      } else quoted = false;
    } else if (c === '"' && cell === "") quoted = true;
    else if (c === separator) {
      line.push(cell);
      cell = "";
    } else if (c === "\n") endLine();
    else if (c !== "\r") cell += c;
  }
  endLine();
  const [columns = [], ...rows] = lines;
  return { columns: columns.map((name) => name.replace(/^\uFEFF/, "").trim()), rows };
}
