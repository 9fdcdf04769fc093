/**
 * Tables and functions of a PostgreSQL database, schema `skyloop`, one migration a version. A write is one call of a
 * function, so that no transaction is left open by a connection that is cut. Events are appended, never changed or
 * deleted: triggers see to it, one for rows and one for TRUNCATE, which row triggers do not hear of.
 */

/** Advisory locks of this program; the second number is a survey's, or 0 for the tables as a whole. */
export const LOCK_CLASS = 7_564_153;
/** Where writes are told of, as "SURVEY SESSION". */
export const NOTICES = "skyloop";
/** What the functions refuse, by SQLSTATE. */
export const REFUSAL = {
  sessionUnknown: "SK001",
  changed: "SK002",
  sessionExists: "SK003",
  numbersTaken: "SK004",
  invitationUsed: "SK005",
};

/** Statements of each version, in order. */
export const POSTGRES_MIGRATIONS: string[] = [
  `
  CREATE TABLE skyloop.surveys (survey_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
  CREATE TABLE skyloop.survey_states (
    name text NOT NULL,
    data_hash text NOT NULL,
    survey_id integer NOT NULL REFERENCES skyloop.surveys,
    PRIMARY KEY (name, data_hash)
  );
  CREATE TABLE skyloop.sessions (
    survey_id integer NOT NULL REFERENCES skyloop.surveys,
    session text NOT NULL,
    created_at text NOT NULL,
    settings text NOT NULL,
    PRIMARY KEY (survey_id, session)
  );
  CREATE TABLE skyloop.events (
    survey_id integer NOT NULL,
    seq bigint NOT NULL,
    session text NOT NULL,
    at text NOT NULL,
    who text NOT NULL,
    round integer NOT NULL,
    kind text NOT NULL,
    object text,
    value text NOT NULL,
    reason text,
    client_key text,
    PRIMARY KEY (survey_id, seq),
    FOREIGN KEY (survey_id, session) REFERENCES skyloop.sessions
  );
  CREATE INDEX events_of_session ON skyloop.events (survey_id, session, seq);
  CREATE UNIQUE INDEX events_once ON skyloop.events (survey_id, session, client_key) WHERE client_key IS NOT NULL;
  CREATE FUNCTION skyloop.keep_events() RETURNS trigger LANGUAGE plpgsql AS $f$
  BEGIN
    RAISE EXCEPTION 'events are never changed or deleted';
  END $f$;
  CREATE TRIGGER events_keep BEFORE UPDATE OR DELETE ON skyloop.events
    FOR EACH ROW EXECUTE FUNCTION skyloop.keep_events();
  CREATE TRIGGER events_stay BEFORE TRUNCATE ON skyloop.events
    FOR EACH STATEMENT EXECUTE FUNCTION skyloop.keep_events();
  CREATE TABLE skyloop.rounds (
    survey_id integer NOT NULL,
    session text NOT NULL,
    round integer NOT NULL,
    at text NOT NULL,
    seed bigint NOT NULL,
    alpha double precision NOT NULL,
    mode text NOT NULL,
    weights_hash text NOT NULL,
    last_seq bigint NOT NULL,
    provisional smallint NOT NULL,
    exhausted smallint NOT NULL,
    picks text NOT NULL,
    PRIMARY KEY (survey_id, session, round),
    FOREIGN KEY (survey_id, session) REFERENCES skyloop.sessions
  );

  CREATE FUNCTION skyloop.survey_of(a_name text, a_hash text, a_former json) RETURNS integer LANGUAGE plpgsql AS $f$
  DECLARE found_id integer;
  BEGIN
    PERFORM pg_advisory_xact_lock(${LOCK_CLASS}, 0);
    SELECT survey_id INTO found_id FROM skyloop.survey_states WHERE name = a_name AND data_hash = a_hash;
    IF FOUND THEN RETURN found_id; END IF;
    SELECT survey_id INTO found_id FROM skyloop.survey_states
      WHERE name = a_name AND data_hash IN (SELECT json_array_elements_text(a_former)) LIMIT 1;
    IF NOT FOUND THEN INSERT INTO skyloop.surveys DEFAULT VALUES RETURNING survey_id INTO found_id; END IF;
    INSERT INTO skyloop.survey_states VALUES (a_name, a_hash, found_id);
    RETURN found_id;
  END $f$;

  -- Numbers are given under a lock of the survey: whoever has seen one has seen all before it.
  CREATE FUNCTION skyloop.append(a_survey integer, a_session text, a_at text, a_events json, a_last bigint)
  RETURNS SETOF skyloop.events LANGUAGE plpgsql AS $f$
  DECLARE
    given json;
    one skyloop.events;
    last bigint;
  BEGIN
    PERFORM pg_advisory_xact_lock(${LOCK_CLASS}, a_survey);
    IF NOT EXISTS (SELECT 1 FROM skyloop.sessions WHERE survey_id = a_survey AND session = a_session) THEN
      RAISE EXCEPTION 'no session %', a_session USING ERRCODE = '${REFUSAL.sessionUnknown}';
    END IF;
    IF a_last < (SELECT max(seq) FROM skyloop.events WHERE survey_id = a_survey AND session = a_session) THEN
      RAISE EXCEPTION 'others have written meanwhile' USING ERRCODE = '${REFUSAL.changed}';
    END IF;
    SELECT coalesce(max(seq), 0) INTO last FROM skyloop.events WHERE survey_id = a_survey;
    FOR given IN SELECT json_array_elements(a_events) LOOP
      INSERT INTO skyloop.events VALUES (
        a_survey, last + 1, a_session, a_at, given->>'who', (given->>'round')::integer, given->>'kind',
        given->>'object', given->>'value', given->>'reason', given->>'clientKey'
      )
      ON CONFLICT (survey_id, session, client_key) WHERE client_key IS NOT NULL DO NOTHING
      RETURNING * INTO one;
      IF FOUND THEN
        last := last + 1;
      ELSE
        SELECT * INTO one FROM skyloop.events
          WHERE survey_id = a_survey AND session = a_session AND client_key = given->>'clientKey';
      END IF;
      RETURN NEXT one;
    END LOOP;
    PERFORM pg_notify('${NOTICES}', a_survey || ' ' || a_session);
  END $f$;

  CREATE FUNCTION skyloop.add_session(a_survey integer, a_session text, a_created text, a_settings text)
  RETURNS void LANGUAGE plpgsql AS $f$
  BEGIN
    INSERT INTO skyloop.sessions VALUES (a_survey, a_session, a_created, a_settings) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'session % is there', a_session USING ERRCODE = '${REFUSAL.sessionExists}';
    END IF;
  END $f$;

  CREATE FUNCTION skyloop.begin_session(
    a_survey integer, a_session text, a_created text, a_settings text, a_events json
  ) RETURNS void LANGUAGE plpgsql AS $f$
  BEGIN
    PERFORM skyloop.add_session(a_survey, a_session, a_created, a_settings);
    PERFORM skyloop.append(a_survey, a_session, a_created, a_events, NULL);
  END $f$;

  CREATE FUNCTION skyloop.save_round(a_survey integer, a_session text, a_round json) RETURNS boolean
  LANGUAGE plpgsql AS $f$
  BEGIN
    INSERT INTO skyloop.rounds
      SELECT a_survey, a_session, r.* FROM json_to_record(a_round) AS r(
        round integer, at text, seed bigint, alpha double precision, mode text, weights_hash text, last_seq bigint,
        provisional smallint, exhausted smallint, picks text)
    ON CONFLICT (survey_id, session, round) DO UPDATE
      SET provisional = excluded.provisional, exhausted = excluded.exhausted, picks = excluded.picks
      WHERE rounds.provisional = 1 AND rounds.last_seq = excluded.last_seq;
    RETURN FOUND;
  END $f$;

  CREATE FUNCTION skyloop.take_session(
    a_survey integer, a_session text, a_created text, a_settings text, a_events json, a_rounds json
  ) RETURNS void LANGUAGE plpgsql AS $f$
  DECLARE other text;
  BEGIN
    PERFORM pg_advisory_xact_lock(${LOCK_CLASS}, a_survey);
    PERFORM skyloop.add_session(a_survey, a_session, a_created, a_settings);
    SELECT session INTO other FROM skyloop.events
      WHERE survey_id = a_survey AND seq IN (SELECT (e->>'seq')::bigint FROM json_array_elements(a_events) AS e) LIMIT 1;
    IF FOUND THEN RAISE EXCEPTION '%', other USING ERRCODE = '${REFUSAL.numbersTaken}'; END IF;
    INSERT INTO skyloop.events
      SELECT a_survey, e.seq, a_session, e.at, e.who, e.round, e.kind, e.object, e.value, e.reason, e."clientKey"
      FROM json_to_recordset(a_events) AS e(
        seq bigint, at text, who text, round integer, kind text, object text, value text, reason text,
        "clientKey" text);
    PERFORM skyloop.save_round(a_survey, a_session, r) FROM json_array_elements(a_rounds) AS r;
    PERFORM pg_notify('${NOTICES}', a_survey || ' ' || a_session);
  END $f$;
  `,
  `
  CREATE TABLE skyloop.users (
    user_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'labeller', 'owner')),
    password text,
    subject text UNIQUE,
    service boolean NOT NULL DEFAULT false,
    disabled boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
  );
  -- A name stands beside labels for ever: nobody gets one that another had.
  CREATE UNIQUE INDEX users_by_name ON skyloop.users (lower(name));
  CREATE TABLE skyloop.logins (
    token_hash text PRIMARY KEY,
    user_id integer NOT NULL REFERENCES skyloop.users,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz
  );
  CREATE INDEX logins_of_user ON skyloop.logins (user_id);
  CREATE TABLE skyloop.invitations (
    token_hash text PRIMARY KEY,
    role text NOT NULL CHECK (role IN ('viewer', 'labeller', 'owner')),
    invited_by text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_by integer REFERENCES skyloop.users
  );
  CREATE TABLE skyloop.login_tries (name text NOT NULL, at timestamptz NOT NULL DEFAULT now());
  CREATE INDEX login_tries_of_name ON skyloop.login_tries (name, at);

  CREATE FUNCTION skyloop.note_try(a_name text) RETURNS bigint LANGUAGE plpgsql AS $f$
  BEGIN
    DELETE FROM skyloop.login_tries WHERE at < now() - interval '1 minute';
    INSERT INTO skyloop.login_tries (name) VALUES (lower(a_name));
    RETURN (SELECT count(*) FROM skyloop.login_tries WHERE name = lower(a_name));
  END $f$;

  CREATE FUNCTION skyloop.accept_invitation(a_token text, a_name text, a_password text, a_subject text)
  RETURNS SETOF skyloop.users LANGUAGE plpgsql AS $f$
  DECLARE
    invitation skyloop.invitations;
    person skyloop.users;
  BEGIN
    SELECT * INTO invitation FROM skyloop.invitations
      WHERE token_hash = a_token AND used_by IS NULL AND expires_at > now() FOR UPDATE;
    IF NOT FOUND THEN RAISE EXCEPTION 'no such invitation' USING ERRCODE = '${REFUSAL.invitationUsed}'; END IF;
    INSERT INTO skyloop.users (name, role, password, subject)
      VALUES (a_name, invitation.role, a_password, a_subject) RETURNING * INTO person;
    UPDATE skyloop.invitations SET used_by = person.user_id WHERE token_hash = a_token;
    RETURN NEXT person;
  END $f$;
  `,
];
