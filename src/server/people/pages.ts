/** Pages of accounts: forms that work without a script. */
import type { Role } from "../../contract/people.ts";
import { type Content, html, htmlPage, type Markup } from "../../plot/html.ts";
import type { ListedPerson, Person } from "../../store/accounts.ts";

const ROLES: Role[] = ["viewer", "labeller", "owner"];
const roles = (chosen: Role = "labeller") =>
  html`<select name="role" aria-label="Role">${ROLES.map((role) => html`<option${role === chosen ? html` selected` : ""}>${role}</option>`)}</select>`;
const said = (message: string | null): Content =>
  message !== null && html`<p role="alert"><strong>${message}</strong></p>`;
const password = (name: string, label: string, kind: "current-password" | "new-password"): Markup =>
  html`<p><label>${label}<br><input name="${name}" type="password" required minlength="${kind === "new-password" ? 8 : 1}" autocomplete="${kind}"></label></p>`;
const yourName = html`<p><label>Name<br><input name="name" required maxlength="80" autocomplete="username" autofocus></label></p>`;

/**
 * The form to log in; `issuer` where single sign-on is offered, `up` the way from this page's folder to the root, `to`
 * what is opened then, from the root on.
 */
export const loginPage = (issuer: string | null, message: string | null, up = "", to = ""): string =>
  htmlPage(
    "Log in · Skyloop",
    html`<h1>Skyloop</h1>${said(message)}
<form method="post" action="${up}login">${to !== "" && html`<input type="hidden" name="to" value="${to}">`}${yourName}${password("password", "Password", "current-password")}<p><button>Log in</button></p></form>
${issuer !== null && html`<p><a href="${up}login/oidc${to !== "" && `?to=${encodeURIComponent(to)}`}">Log in at ${new URL(issuer).host}</a></p>`}`,
  );

/** The form to make an account by an invitation. */
export const invitationPage = (token: string, role: Role, issuer: string | null, message: string | null): string =>
  htmlPage(
    "Invitation · Skyloop",
    html`<h1>You are invited as ${role}</h1>${said(message)}
<p>Your name will stand beside each of your labels.</p>
<form method="post" action="${token}">${yourName}${password("password", "Password (at least 8 characters)", "new-password")}<p><button>Make my account</button></p></form>
${issuer !== null && html`<p><a href="../login/oidc?invitation=${token}">Use my account at ${new URL(issuer).host}</a></p>`}`,
  );

/** A page with a message and a way back. */
export const messagePage = (title: string, message: Content, back: string): string =>
  htmlPage(`${title} · Skyloop`, html`<h1>${title}</h1><p>${message}</p><p><a href="${back}">Go on</a></p>`);

/** One's own account; owners see everybody's. */
export function accountPage(person: Person, people: ListedPerson[] | null): string {
  const lines = people?.map(
    ({ name, role, service, disabled, single }) =>
      html`<tr><td>${name}</td><td>${service ? "program" : single ? "single sign-on" : "password"}</td><td>${disabled ? "has left" : role}</td><td><form method="post" action="account/people"><input type="hidden" name="name" value="${name}">${roles(role)} <button name="change" value="role">${disabled ? "Let in as" : "Change"}</button> ${!disabled && html`<button name="change" value="leave">Let in no more</button>`}</form></td></tr>`,
  );
  return htmlPage(
    "Account · Skyloop",
    html`<h1>${person.name}, ${person.role}</h1><p><a href="./">To the surveys</a></p>
<form method="post" action="logout"><button name="everywhere" value="">Log out</button> <button name="everywhere" value="yes">Log out everywhere</button></form>
<h2>Password</h2><form method="post" action="account/password">${password("old", "Password now", "current-password")}${password("password", "New password; ends your other logins", "new-password")}<p><button>Change</button></p></form>
${
  lines !== undefined &&
  html`<h2>People</h2><table class="texts"><thead><tr><th>Name</th><th>Logs in by</th><th>Role</th><th></th></tr></thead><tbody>${lines}</tbody></table>
<h2>Invite</h2><form method="post" action="account/invite">${roles()} <button>Make an invitation</button></form>
<h2>Token for a program</h2><form method="post" action="account/program"><input name="name" required maxlength="80" aria-label="Name of the program"> ${roles("viewer")} <button>Make a token</button></form>`
}`,
  );
}
