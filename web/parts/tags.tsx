import { useState } from "react";
import { Dialog } from "./dialog.tsx";

/** Free tags of one object; those used in the session before are a click away. */
export function Tags({
  object,
  tags,
  known,
  onTag,
  onClose,
}: {
  object: string;
  tags: string[];
  known: string[];
  onTag(tag: string, on: boolean): void;
  onClose(): void;
}) {
  const [text, setText] = useState("");
  const all = [...new Set([...known, ...tags])].sort();
  return (
    <Dialog title={`Tags of ${object}`} onClose={onClose}>
      <form
        className="ids"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() === "") return onClose();
          onTag(text.trim(), true);
          setText("");
        }}
      >
        <input
          type="text"
          autoFocus
          value={text}
          maxLength={60}
          aria-label="New tag"
          placeholder="a new tag"
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit">Add</button>
      </form>
      <div className="choices tags">
        {all.map((tag) => (
          <button
            key={tag}
            type="button"
            aria-pressed={tags.includes(tag)}
            onClick={() => onTag(tag, !tags.includes(tag))}
          >
            {tag}
          </button>
        ))}
      </div>
    </Dialog>
  );
}
