/** Objects whose answer is known, as somebody pastes them: an id and yes or no a line. */

interface Gold {
  positive: string[];
  negative: string[];
}

const YES = /^(yes|y|positive|1)$/i;
const NO = /^(no|n|negative|0)$/i;

/** The objects of a pasted list; empty lines are nothing. Throws an Error that names the first line it cannot read. */
export function goldIn(text: string): Gold {
  const gold: Gold = { positive: [], negative: [] };
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const [, id, answer] = /^(.*\S)[\s,;]+(\S+)\s*$/.exec(line.trim()) ?? [];
    const object = id?.replace(/[\s,;]+$/, "") ?? "";
    if (object !== "" && YES.test(answer)) gold.positive.push(object);
    else if (object !== "" && NO.test(answer)) gold.negative.push(object);
    else throw new Error(`Known answers, line ${i + 1}: write an object's id and yes or no, not “${line.trim()}”.`);
  }
  return gold;
}
