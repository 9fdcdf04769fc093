import { useEffect, useState } from "react";
import { useMe } from "../actions/me.ts";
import { recall, remember, setWho, whoAmI } from "../actions/memory.ts";
import { go, pages } from "../actions/route.ts";
import { BASE } from "../client/http.ts";
import icon from "../icon.svg";
import "./top-bar.css";

type Theme = "auto" | "light" | "dark";
const NEXT: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };

/** Name of the program, who is labelling, and the theme. */
export function TopBar() {
  const [theme, setTheme] = useState<Theme>(recall("theme", "auto"));
  const [name, setName] = useState(whoAmI());
  const me = useMe();
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    remember("theme", theme);
    dispatchEvent(new Event("skyloop-theme"));
  }, [theme]);
  return (
    <header className="top">
      <a
        className="brand"
        href={pages.home()}
        onClick={(event) => {
          event.preventDefault();
          go(pages.home());
        }}
      >
        <img src={icon} alt="" width="26" height="26" />
        Skyloop
      </a>
      <span className="grow" />
      {me?.accounts ? (
        <a className="who" href={`${BASE}account`}>
          {me.name}, {me.role}
        </a>
      ) : (
        <label className="who">
          <span>You are</span>
          <input
            value={name}
            maxLength={40}
            aria-label="Your name, kept with every label"
            onChange={(event) => {
              setName(event.target.value);
            }}
            onBlur={() => {
              // Every letter would be a person of its own.
              if (name.trim() === "") setName(whoAmI());
              else setWho(name.trim());
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter") event.currentTarget.blur();
            }}
          />
        </label>
      )}
      <button
        type="button"
        className="quiet"
        onClick={() => setTheme(NEXT[theme])}
        aria-label={`Theme: ${theme}. Change`}
      >
        {theme === "dark" ? "Dark" : theme === "light" ? "Light" : "Auto"}
      </button>
    </header>
  );
}
