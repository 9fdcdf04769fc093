/** Text inside XML, SVG and HTML. */

/** `text` with &, <, > and both quotes as character references: it stays text wherever it is put. */
export const escapeText = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
