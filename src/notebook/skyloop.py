"""Skyloop from a notebook: the verbs of the page, on the same session as the page.

    import skyloop
    sky = skyloop.connect("http://127.0.0.1:8420", who="ann")
    s = sky.search("face-on spiral", like=["sim-000003", "sim-000010"])
    page = s.next()
    page.yes(1, 4).no("rest")

One file, Python 3.8 or later, nothing to install; IPython, pandas, numpy and astropy are used where they are there.
A label is saved on the server when the call returns. Errors are SkyloopError with a code of Skyloop's docs/errors.md.
"""
import sys

if sys.version_info < (3, 8):
    raise ImportError("%s: skyloop.py needs Python 3.8 or later, this is %d.%d; choose another kernel"
                      % (("PYTHON_TOO_OLD",) + tuple(sys.version_info[:2])))

import base64, csv, functools, getpass, html, http.client, io, json, os, pathlib, struct, time, uuid, warnings
import urllib.error, urllib.parse, urllib.request

__all__ = ["connect", "SkyloopError", "SkyloopWarning"]
TIMEOUT_S = 120
FORMATS = {".csv": "csv", ".parquet": "parquet", ".fits": "fits", ".vot": "votable", ".xml": "votable"}
COLOURS = {"positive": "#1a9641", "negative": "#b2182b", "unsure": "#e08214", None: "#9aa0a6"}
WORDS = {"positive": "yes", "negative": "no", "unsure": "unsure", "clear": "clear", None: ""}
_q = lambda text: urllib.parse.quote(str(text), safe="")
_e = lambda text: html.escape("" if text is None else str(text))

class SkyloopError(Exception):
    """What went wrong and what to do; `.code` is one of docs/errors.md."""
    def __init__(self, code, message):
        super().__init__("%s: %s" % (code, message))
        self.code = code

class SkyloopWarning(UserWarning): """Something to know; the call has done its work."""

def _warn(code, message):
    warnings.warn("%s: %s" % (code, message), SkyloopWarning, stacklevel=3)

def connect(address=None, who=None, token=None, browser=None):
    """The server at `address`, as `skyloop serve` printed it. `who` stands beside your labels. `browser`: the address
    under which your browser reaches the server, where that is another one (on a hub "/user/ann/proxy/8420/")."""
    given = address or os.environ.get("SKYLOOP_ADDRESS", "http://127.0.0.1:8420")
    try:
        parts = urllib.parse.urlsplit(given if "://" in given else "http://" + given)
        is_address = bool(parts.hostname) and " " not in parts.netloc and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise SkyloopError("BAD_OPTION", "%s is no address; take the one that `skyloop serve` printed" % given)
    inside = urllib.parse.parse_qs(parts.query + "&" + parts.fragment).get("token", [None])[0]
    root = "%s://%s%s/" % (parts.scheme, parts.netloc, parts.path.rstrip("/"))
    sky = Skyloop(root, who or os.environ.get("SKYLOOP_WHO") or getpass.getuser(),
                  token or inside or os.environ.get("SKYLOOP_TOKEN"), browser or root)
    sky.surveys()
    return sky

class _Objects:
    """What can be asked of one object, by its id, or by its number on the last page of a session."""
    def picture(self, object, size=256, survey=None):
        """The picture of an object as the page shows it, as a WebP file."""
        sky, survey, name = self._where(object, survey)
        return Picture(sky._picture(survey, name, size))
    def pixels(self, object, survey=None):
        """Pixels as the survey has them, [bands, height, width]; numpy.asarray takes them."""
        sky, survey, name = self._where(object, survey)
        return Pixels(*sky._send("api/surveys/%s/objects/%s/pixels" % (_q(survey), _q(name))))
    def parameters(self, object, survey=None):
        """What the catalogue says of an object, and what trained heads predict of it."""
        sky, survey, name = self._where(object, survey)
        path = "api/surveys/%s/objects/%s" % (_q(survey), _q(name))
        return dict(sky._ask(path), predictions=sky._ask(path + "/predictions"))
    def neighbours(self, object, n=12, survey=None):
        """The objects that look most like one, with the cosine of their features."""
        sky, survey, name = self._where(object, survey)
        found = sky._ask("api/surveys/%s/objects/%s/neighbours" % (_q(survey), _q(name)), query={"k": n})
        return Gallery(sky, survey, [dict(one, note="%.3f" % one["similarity"]) for one in found["objects"]])

class _Labels:
    """Labels; saved when the call returns. Objects are numbers of the page, ids, or "rest": all without a label. `yes`
    is looked for, `no` is not, from `unsure` nothing is learned, `clear` takes back, `tag` puts a word beside."""
    def yes(self, *objects): return self._label(objects, value="positive")
    def no(self, *objects): return self._label(objects, value="negative")
    def unsure(self, *objects): return self._label(objects, value="unsure")
    def clear(self, *objects): return self._label(objects, value="clear")
    def tag(self, word, *objects, remove=False):
        return self._label(objects, **{"removeTag" if remove else "addTag": word})

class Skyloop(_Objects):
    """A server: its surveys and sessions."""
    def __init__(self, root, who, token, browser):
        self.address, self.who, self._token, self._browser = root, who, token, browser
        self._key, self._clicks = "nb-" + uuid.uuid4().hex[:8], 0
        local = urllib.parse.urlsplit(root).hostname in ("127.0.0.1", "localhost", "::1")
        self._opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))
    def __repr__(self): return "Skyloop at %s as %s" % (self.address, self.who)

    def surveys(self):
        """The surveys that are served, with their size and finished features."""
        return Table({"survey": one["survey"], "title": one["title"], "objects": one["count"], "kind": one["kind"],
                      "features": ", ".join(_finished(one))} for one in self._ask("api/surveys"))

    def browse(self, survey=None, n=24, seed=1, **wanted):
        """Pictures to begin from: of every kind, or by the catalogue (column="bar", sort="highest", or equals="1").
        `.pick(1, 4)` gives the ids of some."""
        survey = self._survey(survey)["survey"]
        if wanted and "column" not in wanted:
            raise SkyloopError("BAD_OPTION", "browse: %s are of a column of the catalogue; name it with column=…"
                               % ", ".join(wanted))
        query = dict(wanted, limit=n) if wanted else {"diverse": n, "seed": seed}
        return Gallery(self, survey, self._ask("api/surveys/%s/objects" % _q(survey), query=query)["objects"])

    def search(self, target, like, not_like=(), survey=None, model=None, alpha=0.5, page_size=20, random_picks=2,
               seed=1, unlabelled="fading"):
        """A new session: `target` in your words, ids that are `like` it, and ids that are not (there may be none).
        unlabelled="always" keeps unlabelled objects among the negatives: more finds, common kinds ranked worse."""
        about = self._survey(survey)
        ids = lambda objects: [objects] if isinstance(objects, str) else list(objects)
        begun = [one["model"] for one in about["features"]]
        return Session(self, self._ask("api/sessions", {
            "survey": about["survey"], "model": model or (_finished(about) + begun + ["lvm-nano-structures-morphology"])[0], "target": target,
            "alpha": alpha, "seed": seed, "pageSize": page_size, "randomPicks": random_picks, "unlabelled": unlabelled,
            "who": self.who, "positive": ids(like), "negative": ids(not_like)}))

    def session(self, name=None):
        """The session of that name, whether begun here, on the page or by somebody else; without a name their list."""
        if name is not None:
            return Session(self, self._ask("api/sessions/%s" % _q(name), query={"who": self.who}))
        keys = ["session", "target", "survey", "round", "positives", "negatives", "createdBy", "createdAt"]
        return Table({key: one[key] for key in keys} for one in self._ask("api/sessions"))
    def _survey(self, name):
        every = self._ask("api/surveys") if name is None else [self._ask("api/surveys/%s" % _q(name))]
        if len(every) == 1:
            return every[0]
        raise SkyloopError("SURVEY_UNKNOWN", "this server has %d surveys; name one with survey=…: %s"
                           % (len(every), ", ".join(one["survey"] for one in every)))
    def _where(self, object, survey): return self, survey or self._survey(None)["survey"], object
    @functools.lru_cache(maxsize=2000)
    def _picture(self, survey, object, size):
        path = "api/surveys/%s/objects/%s/picture" % (_q(survey), _q(object))
        return self._send(path, query={"size": size})[0]
    def _next_key(self):
        self._clicks += 1
        return "%s-%d" % (self._key, self._clicks)
    def _ask(self, path, body=None, query=None):
        try:
            return json.loads(self._send(path, body, query)[0].decode("utf-8"))
        except ValueError:
            raise self._not_skyloop(200) from None
    def _not_skyloop(self, status):
        return SkyloopError("NOT_SKYLOOP", "%s answers, but not as Skyloop (status %d); take the address that "
                            "`skyloop serve` printed" % (self.address, status))
    def _send(self, path, body=None, query=None):
        """The answer's bytes and headers. What got no answer is sent again: its key sees to it that it counts once."""
        url = self.address + path + ("?" + urllib.parse.urlencode(query) if query else "")
        headers = {"Authorization": "Bearer " + self._token} if self._token else {}
        headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode("utf-8")
        for attempt in (1, 2):
            try:
                with self._opener.open(urllib.request.Request(url, data, headers), timeout=TIMEOUT_S) as answer:
                    return answer.read(), answer.headers
            except urllib.error.HTTPError as error:
                raise self._refusal(error) from None
            except (OSError, http.client.HTTPException) as error:
                if attempt == 2:
                    port = urllib.parse.urlsplit(self.address).port or 80
                    raise SkyloopError("SERVER_AWAY", "nothing answers at %s (%s); start it with `bin/skyloop serve "
                                       "SURVEY --port %d`, then run this again" % (self.address, error, port)) from None
                time.sleep(0.2)
    def _refusal(self, error):
        try:
            said = json.loads(error.read().decode("utf-8"))
            message = said["message"]
            if error.code == 401:
                message += '; give it with skyloop.connect("%s", token="…")' % self.address
            return SkyloopError(said["code"], message)
        except (ValueError, KeyError, TypeError):
            return self._not_skyloop(error.code)

class Session(_Objects, _Labels):
    """A search: the same one that the page has open. `undo` takes back your own last action, here or on the page."""
    def __init__(self, sky, state):
        self._sky, self.name, self.survey = sky, state["session"], state["survey"]
        self._path, self._seq, self._others = "api/sessions/" + _q(self.name), state["lastSeq"], {sky._key}
        self._seen, self._begun = state["round"], False
        self._page = None if state["page"] is None else Page(self, state["page"])
    def __repr__(self):
        return "session {session} ({target}): round {round}, {positives} yes, {negatives} no".format(**self.state())
    def state(self):
        """All of the session as it is now: labels (and who gave them), page, rounds."""
        return self._sky._ask(self._path, query={"who": self._sky.who})

    def next(self, alpha=None):
        """Learns from the labels so far and gives the next page. Where somebody has gone on already, theirs."""
        body = dict({"who": self._sky.who, "seen": self._seen}, **({} if alpha is None else {"alpha": alpha}))
        try:
            return self._show(self._sky._ask(self._path + "/rounds", body))
        except KeyboardInterrupt:
            self._begun = True
            raise SkyloopError("ROUND_GOING", "interrupted; the round goes on, and wait() gets its page") from None
    def wait(self, seconds=600):
        """The page of a round that was begun, once the whole survey is ranked."""
        until, page = time.time() + seconds, self.next() if self._begun else self.page()
        while page.provisional:
            if time.time() > until:
                raise SkyloopError("STILL_RANKING", "round %d is not ranked after %g s; wait() again, or label "
                                   "the page that is there" % (page.round, seconds))
            time.sleep(0.2)
            page = self.page()
        return page
    def page(self):
        """The last page, with the labels of now."""
        page = self.state()["page"]
        if page is None:
            raise SkyloopError("NOT_RANKED", "there is no page before the first round; next() makes it")
        return self._show(page)
    def undo(self): return self._step("/undo")
    def redo(self): return self._step("/redo")
    def alpha(self, value=None):
        """The alpha of the next round, from 0 (find all) to 1 (be precise); sets it where a value is given."""
        body = {"who": self._sky.who, "alpha": value}
        return (self.state() if value is None else self._sky._ask(self._path + "/alpha", body))["alpha"]
    def ranking(self, n=100, offset=0, pictures=False, **wanted):
        """Part of the ranking, as a table or as pictures; `wanted` filters (label="none", minScore=0.5, column=…)."""
        found = self._sky._ask(self._path + "/ranking", query=dict(wanted, offset=offset, limit=n))["rows"]
        if pictures:
            return Gallery(self._sky, self.survey, [dict(one, note="%.3f" % one["score"]) for one in found], self)
        keys = ["rank", "object", "score", "label", "tags", "round", "who", "raDeg", "decDeg"]
        return Table({key: one[key] for key in keys} for one in found)
    def table(self, kind=None):
        """The whole ranking with its catalogue: "pandas", "astropy" (with units), "plain", or None: pandas if there."""
        if kind not in (None, "pandas", "astropy", "plain"):
            raise SkyloopError("BAD_OPTION", 'table() gives "pandas", "astropy" or "plain", not %r' % (kind,))
        try:
            if kind == "astropy":
                from astropy.io.votable import parse_single_table
                table = parse_single_table(io.BytesIO(self._exported("votable")))
                return table.to_table(use_names_over_ids=True)
            if kind != "plain":
                import pandas
                return pandas.read_csv(io.BytesIO(self._exported("csv")))
        except ImportError:
            code = {"pandas": "PANDAS_MISSING", "astropy": "ASTROPY_MISSING"}.get(kind)
            if code is not None:
                _warn(code, "%s is not installed; this is a plain table instead, a list of rows" % kind)
        rows = csv.DictReader(io.StringIO(self._exported("csv").decode("utf-8-sig")))
        return Table({key: _value(text) for key, text in row.items()} for row in rows)
    def why(self, object):
        """Why an object has its score: the labels that raise or lower it most, and where in the picture."""
        name = self._where(object)[2]
        return Why(self, name, self._sky._ask(self._path + "/why/" + _q(name)))
    def export(self, path, format=None):
        """Writes the ranked catalogue; the format is that of the name: .csv, .parquet, .fits or .vot."""
        ending = os.path.splitext(path)[1].lower()
        if not (format or ending in FORMATS):
            raise SkyloopError("BAD_OPTION", "export writes %s, not %s" % (", ".join(FORMATS), ending or path))
        pathlib.Path(path).write_bytes(self._exported(format or FORMATS[ending]))
        return path
    def open(self, height=720):
        """The page itself on this session, in a frame of the notebook; a link where the server allows no frame."""
        address = "%s/session/%s" % (self._sky._browser.rstrip("/"), _q(self.name))
        policy = self._sky._send("session/" + _q(self.name))[1].get("Content-Security-Policy", "")
        if "frame-ancestors 'none'" in policy:
            _warn("FRAME_REFUSED", "the server lets no notebook show its page; start it with --notebook and the "
                  "address of your Jupyter (such as http://localhost:8888), or open %s" % address)
            return _Html('<a href="%s" target="_blank">%s</a>' % (_e(address), _e(address)))
        address += "#token=" + _q(self._sky._token) if self._sky._token else ""
        return _Html('<iframe src="%s" style="border:0;width:100%%;height:%dpx"></iframe>' % (_e(address), height))
    def _exported(self, format): return self._sky._send(self._path + "/export", query={"format": format})[0]
    def _show(self, page):
        self._page, self._seen, self._begun = Page(self, page), page["round"], False
        return self._page
    def _where(self, object, survey=None): return self._sky, self.survey, self._objects([object], self._page)[0]
    def _objects(self, given, page):
        shown = [] if page is None else page.objects
        found = [one if isinstance(one, str) else _pick(shown, [one])[0] for one in given if one != "rest"]
        labels = self.state()["labels"] if "rest" in given else {}
        rest = [one for one in shown if "rest" in given and labels.get(one, {}).get("value") is None]
        return list(dict.fromkeys(found + rest))
    def _label(self, given, page=None, **what):
        page = page or self._page
        key = self._sky._next_key()
        objects = self._objects(given, page)
        clicks = [dict(what, object=one, clientKey="%s/%d" % (key, i)) for i, one in enumerate(objects)]
        by_number = page is not None and any(not isinstance(one, str) or one == "rest" for one in given)
        body = dict({"who": self._sky.who, "labels": clicks}, **({"seen": page.round} if by_number else {}))
        try:
            if clicks:
                self._saved(self._sky._ask(self._path + "/labels", body))
        except SkyloopError as error:
            if error.code != "PAGE_STALE":
                raise
            _warn("PAGE_STALE", "somebody has gone on to another round: nothing was labelled; this is the page of now")
            return self.page()
        return page or self
    def _step(self, kind):
        self._saved(self._sky._ask(self._path + kind, {"who": self._sky.who, "clientKey": self._sky._next_key()}))
        return self._page or self
    def _saved(self, answer):
        """Says so where another notebook works under the same name: each would undo what the other did."""
        before, self._seq = self._seq, answer["lastSeq"]
        between = answer["lastSeq"] - before > len(answer["events"])
        for event in self._sky._ask(self._path + "/events", query={"after": before}) if between else ():
            other = (event["clientKey"] or "")[:11]
            if event["who"] == self._sky.who and other[:3] in ("nb-", "ts-") and other not in self._others:
                self._others.add(other)
                _warn("SAME_WHO", "another notebook labels as %s too, and undo takes back what either did; connect "
                      "with another who" % self._sky.who)

class Gallery:
    """Numbered pictures of objects. `.pick(1, 4)` gives the ids of some, `.objects` those of all."""
    def __init__(self, sky, survey, rows, session=None):
        self._sky, self.survey, self._session = sky, survey, session
        self.objects, self._notes = [one["object"] for one in rows], [one.get("note", "") for one in rows]

    def pick(self, *numbers): return _pick(self.objects, numbers)
    def _title(self): return "%d objects" % len(self.objects)
    def _rows(self):
        labels = {} if self._session is None else self._session.state()["labels"]
        return [(i + 1, one, self._notes[i], labels.get(one, {})) for i, one in enumerate(self.objects)]
    def __repr__(self):
        return "\n".join([self._title()] + ["%3d  %s  %s  %s" % (i, one, note, WORDS[label.get("value")])
                                            for i, one, note, label in self._rows()])
    def _repr_html_(self):
        cells = []
        for i, one, note, label in self._rows():
            value = label.get("value")
            words = [note, "%s (%s)" % (WORDS[value], label["who"]) if value else ""] + label.get("tags", [])
            cells.append('<figure style="margin:0;width:128px;border:3px solid %s;font:12px sans-serif">%s<figcaption '
                         'style="overflow-wrap:anywhere"><b>%d</b> %s<br>%s</figcaption></figure>'
                         % (COLOURS.get(value), _img(self._sky._picture(self.survey, one, 128), one), i, _e(one),
                            _e(" · ".join(word for word in words if word))))
        return '%s<div style="display:flex;flex-wrap:wrap;gap:6px">%s</div>' % (_e(self._title()), "".join(cells))

class Page(Gallery, _Labels):
    """A page of a round; yes, no, unsure, clear and tag take its numbers and give it back in the colours of now."""
    def __init__(self, session, page):
        rows = [dict(one, note="%s %s" % ("" if one["score"] is None else "%.3f" % one["score"], one["reason"]))
                for one in page["picks"]]
        super().__init__(session._sky, session.survey, rows, session)
        self.round, self.provisional = page["round"], page["provisional"]
    def _title(self):
        part = "; from a part of the survey, wait() gives the page of all" if self.provisional else ""
        return "%s, round %d, as %s%s" % (self._session.name, self.round, self._sky.who, part)
    def _label(self, objects, **what): return self._session._label(objects, self, **what)

class Why(Gallery):
    """Reasons for a score: the examples that count most; `.heat`: what each patch of the picture adds or costs."""
    def __init__(self, session, object, found):
        rows = [dict(one, note="%s %+.2f" % (WORDS[one["label"]], one["influence"])) for one in found["examples"]]
        super().__init__(session._sky, session.survey, rows)
        self.object, self.score, self.how, self.heat = object, found["score"], found["how"], found["heat"]
    def _title(self): return "%s has the score %.3f. %s" % (self.object, self.score, self.how)
    def _repr_html_(self):
        return _img(self._sky._picture(self.survey, self.object, 128), self.object) + super()._repr_html_()

class Picture(bytes):
    """A picture of an object: the bytes of a WebP file."""
    def _repr_html_(self): return _img(self, "picture")

class Pixels:
    """Float pixels `.data`, row by row, of `.shape` [bands, height, width], in `.unit`."""
    def __init__(self, data, about):
        self.shape = tuple(int(one) for one in about["X-Skyloop-Shape"].split(","))
        *self.bands, self.unit = map(urllib.parse.unquote, about["X-Skyloop-Bands"].split(",") + [about["X-Skyloop-Unit"]])
        self.data = struct.unpack("<%df" % (len(data) // 4), data)
    def __array__(self, dtype=None, copy=None):
        import numpy
        return numpy.array(self.data, dtype or "float32").reshape(self.shape)

class Table(list):
    """Rows as dictionaries; `.column(name)` gives one column."""
    def column(self, name): return [row[name] for row in self]
    def _repr_html_(self):
        cells = lambda tag, values: "".join("<%s>%s</%s>" % (tag, _e(one), tag) for one in values)
        rows = "".join("<tr>%s</tr>" % cells("td", row.values()) for row in self[:50])
        return "<table><tr>%s</tr>%s</table>%d rows" % (cells("th", self[0] if self else ()), rows, len(self))

class _Html(str):
    def _repr_html_(self): return str(self)

def _pick(objects, numbers):
    unknown = [one for one in numbers if one not in range(1, len(objects) + 1)]
    if unknown:
        raise SkyloopError("NUMBER_UNKNOWN", "%s are not on this page; numbers go from 1 to %d"
                           % (unknown, len(objects)))
    return [objects[int(one) - 1] for one in numbers]

def _finished(survey):
    return [one["model"] for one in survey["features"] if one["done"] == one["total"]]

def _img(data, name):
    return '<img alt="%s" src="data:image/webp;base64,%s">' % (_e(name), base64.b64encode(data).decode("ascii"))

def _value(text):
    try:
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except (ValueError, AttributeError):
        return text or None
