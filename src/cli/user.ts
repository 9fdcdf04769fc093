import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { type Command, Option } from "commander";
import type { Role } from "../contract/people.ts";
import type { Accounts } from "../store/accounts.ts";

const INVITATION_DAYS = 7;
const role = () =>
  new Option("--role <role>", "viewer looks, labeller labels, owner leads (starts, exports, invites)")
    .choices(["viewer", "labeller", "owner"])
    .makeOptionMandatory();

/** `skyloop user add | list | role | remove | password | invite`. */
export function addUserCommand(program: Command): void {
  const user = program.command("user").description("accounts of people and programs, in the database of DATABASE_URL");
  const say = (text: string): void => {
    process.stdout.write(`${text}\n`);
  };
  user
    .command("add")
    .argument("<name>", "name, as it will stand beside labels")
    .addOption(role())
    .option("--service", "a program: it gets a token, which is printed once, and no password")
    .description("add an account; the password is asked for, or read from standard input")
    .action((name: string, { role, service }: { role: Role; service?: boolean }) =>
      withAccounts(async (accounts) => {
        const person = await accounts.add(name, role, service ? null : await askPassword(name));
        say(service ? await accounts.begin(person, null) : `${name} may log in as ${role}`);
      }),
    );
  user
    .command("list")
    .description("list accounts, also of those who have left")
    .action(() =>
      withAccounts(async (accounts) => {
        for (const { name, role, service, disabled } of await accounts.list())
          say(`${name}  ${disabled ? "has left" : role}${service ? ", a program" : ""}`);
      }),
    );
  user
    .command("role")
    .argument("<name>", "name of the account")
    .addOption(role())
    .description("give an account another role, or let somebody in again")
    .action((name: string, { role }: { role: Role }) =>
      withAccounts(async (accounts) => {
        await accounts.change(name, { role, disabled: false });
        say(`${name} is ${role}`);
      }),
    );
  user
    .command("remove")
    .argument("<name>", "name of the account")
    .description("let an account in no more; the name stays beside its labels, and nobody else gets it")
    .action((name: string) =>
      withAccounts(async (accounts) => {
        await accounts.change(name, { disabled: true });
        say(`${name} is let in no more`);
      }),
    );
  user
    .command("password")
    .argument("<name>", "name of the account")
    .description("give somebody another password; their logins end")
    .action((name: string) =>
      withAccounts(async (accounts) => {
        await accounts.setPassword(name, await askPassword(name));
        say(`${name} has another password`);
      }),
    );
  user
    .command("invite")
    .addOption(role())
    .description("print the end of an address that makes one account, once, within seven days")
    .action(({ role }: { role: Role }) =>
      withAccounts(async (accounts) =>
        say(
          `put this behind the server's address: invite/${await accounts.invite(role, "command line", INVITATION_DAYS)}`,
        ),
      ),
    );
}

async function withAccounts(body: (accounts: Accounts) => Promise<void>): Promise<void> {
  const [{ openAccounts }, { SkyloopError }] = await Promise.all([
    import("../store/accounts.ts"),
    import("../base/errors.ts"),
  ]);
  const accounts = await openAccounts();
  if (accounts === null)
    throw new SkyloopError(
      "DATABASE_MISSING",
      "accounts are kept in PostgreSQL; set DATABASE_URL=postgres://NAME:PASSWORD@HOST:5432/DATABASE",
    );
  try {
    await body(accounts);
  } finally {
    await accounts.close();
  }
}

/** Typed without being shown, or the first line of standard input. */
async function askPassword(name: string): Promise<string> {
  const { stdin, stderr } = process;
  if (stdin.isTTY) stderr.write(`Password for ${name}: `);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: silent, terminal: stdin.isTTY });
  try {
    for await (const line of lines) return line;
    return "";
  } finally {
    lines.close();
    if (stdin.isTTY) stderr.write("\n");
  }
}
