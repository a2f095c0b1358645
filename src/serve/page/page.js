"use strict";
// The page's one script. What it shows came from strangers: it is only ever text, never markup, and
// what a reader would not see, or what would turn the text around, is written out.

// ---- Building blocks

const $ = id => document.getElementById(id);

function make(name, kind, ...parts) {
  const node = document.createElement(name);
  if (kind) node.className = kind;
  node.append(...parts);
  return node;
}

/** Sets a text only where it changed: what is selected or read aloud stays as it is. */
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const UNSEEN = /([\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+)/u;

function spelled(char) {
  const hex = char.codePointAt(0).toString(16);
  return hex.length < 3 ? "\\x" + hex.padStart(2, "0") : "U+" + hex.toUpperCase().padStart(4, "0");
}

/** A text as one line of what can be seen. */
const plain = text => text.split(UNSEEN).map((part, i) => i % 2 ? [...part].map(spelled).join("") : part).join("");

/** The same as nodes, so that our words for a character are told from a stranger's. */
const shown = text => text.split(UNSEEN)
  .map((part, i) => i % 2 ? make("span", "unseen", plain(part)) : part).filter(part => part !== "");

/** The start of a text, no character cut in two. */
function cut(text, length) {
  const isPair = /[\ud800-\udbff]/.test(text[length - 1] ?? "");
  return text.slice(0, isPair ? length - 1 : length);
}

const count = number => number.toLocaleString("en");

/** 3 lines, 1 line. */
const several = (number, one, many = one + "s") => count(number) + " " + (number === 1 ? one : many);

/** In at most two units, as the daemon puts it. */
function span(seconds) {
  const two = (large, unit, small, next) => large + " " + unit + (small ? " " + small + " " + next : "");
  const minutes = Math.floor(seconds / 60), hours = Math.floor(seconds / 3600);
  if (seconds < 120) return seconds + " s";
  if (seconds < 3600) return minutes + " min";
  return hours < 48 ? two(hours, "h", minutes % 60, "min") : two(Math.floor(hours / 24), "d", hours % 24, "h");
}

const ago = seconds => seconds === undefined ? "never" : seconds < 2 ? "just now" : span(seconds) + " ago";

let quiet;
function say(text) {
  clearTimeout(quiet);
  $("said").textContent = plain(text);
  quiet = setTimeout(() => $("said").textContent = "", 6000);
}

/** The cookie is gone, or another token is set. What was typed stays until one wishes to go. */
function loggedOut() {
  if ($("again")) return;
  const again = make("button", "", "Log in");
  again.id = "again";
  again.onclick = () => location.reload();
  $("stream").replaceChildren("You are logged out. ", again);
}

/** Asks the daemon; what it answers, or an error in its words. */
async function call(path, question) {
  const how = { signal: AbortSignal.timeout(10000) };
  if (question) Object.assign(how, { method: "POST", body: JSON.stringify(question) });
  let answer;
  try {
    answer = await fetch(path, how);
  } catch {
    throw new Error("alertik does not answer");
  }
  if (answer.status === 401) loggedOut();
  // A proxy between us may answer with a whole page.
  if (!answer.ok) throw new Error(cut((await answer.text()).trim(), 200));
  return answer.headers.get("content-type") === "application/json" ? answer.json() : answer.text();
}

/** Asks once the typing pauses. An answer that was overtaken is not shown. */
function asker(path, question, show) {
  let timer, turn = 0;
  return () => {
    clearTimeout(timer);
    const mine = ++turn;
    timer = setTimeout(async () => {
      const asked = question();
      let answer;
      try {
        answer = asked && await call(path, asked);
      } catch (error) {
        answer = { error: error.message };
      }
      if (mine === turn) show(answer, asked);
    }, 100);
  };
}

// ---- Lines

const KEPT = 1000;
/** Characters of a line that are shown at first. */
const CUT = 300;
const SEVERITIES = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

const list = $("lines");
let kept = [];      // { line, node }, the oldest first
let waiting = [];   // received, and not drawn yet
let leftOut = 0;
let isPaused = false, isFollowing = true, isDue = false;
let chosen = null;

/** How much of a text is shown at first; less, where each character of it takes six to write out. */
function brief(text) {
  let length = CUT;
  while (plain(cut(text, length)).length > 2 * CUT) length /= 2;
  return length;
}

/** A line's text, its topics apart. */
function words(line, length) {
  const text = cut(line.text, length);
  const starts = line.topics && text.startsWith(line.topics + " ");
  const topics = starts ? [make("span", "topics", ...shown(line.topics))] : [];
  return [...topics, ...shown(starts ? text.slice(line.topics.length) : text)];
}

function draw(line) {
  const at = make("span", "at", line.at.slice(11));
  at.title = line.at;
  const length = brief(line.text), text = make("span", "text", ...words(line, length));
  const body = make("div", "", ...line.fired.map(rule => make("span", "fired", ...shown(rule))), text);
  if (line.text.length > length) {
    text.append("…");
    const more = make("button", "more", "more");
    more.type = "button";
    more.setAttribute("aria-expanded", "false");
    body.append(more);
  }
  const severity = make("span", "severity", SEVERITIES[line.severity] ?? "");
  const router = make("span", "router", ...shown(line.router ?? line.from));
  const node = make("li", "line s" + (line.severity ?? "none"), at, " ", severity, " ", router, " ", body);
  node.tabIndex = -1;
  return node;
}

/** True if the filters let a line through. The server knows two of them; lines kept from before know none. */
function isWanted(line) {
  const topics = line.topics.split(",");
  const wished = $("filter-topic").value.split(",").map(topic => topic.trim()).filter(topic => topic.replace("!", ""));
  const router = $("filter-router").value;
  return (!$("filter-fired").checked || line.fired.length > 0)
    && (!router || router === line.from)
    && wished.every(topic => topic[0] === "!" ? !topics.includes(topic.slice(1).trim()) : topics.includes(topic))
    && line.text.toLowerCase().includes($("filter").value.toLowerCase());
}

function drawWaiting() {
  isDue = false;
  if (waiting.length && !isPaused) {
    const fresh = waiting.map(line => ({ line, node: draw(line) }));
    waiting = [];
    for (const { line, node } of fresh) {
      node.hidden = !isWanted(line);
      offer(line);
    }
    list.append(...fresh.map(entry => entry.node));
    kept.push(...fresh);
    for (const { node } of kept.splice(0, Math.max(0, kept.length - KEPT))) {
      if (node.contains(document.activeElement)) list.focus({ preventScroll: true });
      if (node === chosen) chosen = null;
      node.remove();
    }
    follow();
  }
  put($("held"), isPaused ? several(waiting.length, "line") + " held" : "");
  $("none").hidden = kept.length > 0;
  const many = several(leftOut, "line was", "lines were");
  put($("left-out"), leftOut ? many + " left out: more came than can be read, and this is a sample." : "");
}

function drawSoon() {
  if (!isDue) requestAnimationFrame(drawWaiting);
  isDue = true;
}

function follow() {
  if (isFollowing) list.scrollTop = list.scrollHeight;
  $("newest").hidden = isFollowing;
}

/** Topics and routers that were seen can be chosen. */
const seen = new Set();
function offer(line) {
  for (const topic of line.topics.split(",")) {
    if (!topic || seen.has("t" + topic) || seen.size > 500 || plain(topic) !== topic) continue;
    seen.add("t" + topic);
    $("topics").append(make("option", "", topic));
  }
  if (seen.has("r" + line.from) || seen.size > 1000) return;
  seen.add("r" + line.from);
  const option = make("option", "", plain(line.router ? line.router + " (" + line.from + ")" : line.from));
  option.value = line.from;
  $("filter-router").append(option);
}

function receive(event) {
  const line = JSON.parse(event.data);
  if (line.left_out) leftOut += line.left_out;
  else waiting.push(line);
  // A page in the background draws nothing, for hours perhaps.
  if (waiting.length > KEPT) waiting.splice(0, waiting.length - KEPT);
  drawSoon();
}

let source, retry;
function connect() {
  clearTimeout(retry);
  source?.close();
  const wish = new URLSearchParams();
  if ($("filter").value) wish.set("filter", $("filter").value);
  if ($("filter-fired").checked) wish.set("fired", "1");
  const path = "/api/lines?" + wish;
  source = new EventSource(path);
  source.onopen = () => put($("stream"), "");
  source.onmessage = receive;
  source.onerror = () => {
    put($("stream"), "The connection is lost; trying again.");
    // Else the browser tries by itself.
    if (source.readyState === EventSource.CLOSED) explain(path);
  };
}

/** Why there is no stream: a browser does not tell. */
async function explain(path) {
  retry = setTimeout(connect, 5000);
  const stop = new AbortController();
  try {
    const answer = await fetch(path, { signal: stop.signal });
    if (answer.status === 401) {
      clearTimeout(retry);
      loggedOut();
    } else if (answer.status === 503) {
      put($("stream"), "Too many pages are open: " + (await answer.text()).trim() + ". Trying again.");
    } else if (!answer.ok) {
      put($("stream"), cut((await answer.text()).trim(), 200));
    }
  } catch { /* It is down; that is said already. */ }
  stop.abort();
}

function refilter() {
  for (const { line, node } of kept) node.hidden = !isWanted(line);
  follow();
}

let typing;
for (const id of ["filter", "filter-fired", "filter-topic", "filter-router"]) {
  $(id).addEventListener("input", () => {
    refilter();
    if (id === "filter" || id === "filter-fired") {
      clearTimeout(typing);
      typing = setTimeout(connect, 300);
    }
  });
}

$("pause").onclick = () => {
  isPaused = !isPaused;
  $("pause").setAttribute("aria-pressed", isPaused);
  drawSoon();
};

$("clear").onclick = () => {
  kept = [];
  waiting = [];
  leftOut = 0;
  chosen = null;
  isFollowing = true;
  $("newest").hidden = true;
  list.replaceChildren();
  drawSoon();
};

list.onscroll = () => {
  // What was chosen stays where it is.
  isFollowing = !chosen && list.scrollHeight - list.scrollTop - list.clientHeight < 12;
  $("newest").hidden = isFollowing;
};

new ResizeObserver(follow).observe(list);

$("newest").onclick = () => {
  choose(null);
  isFollowing = true;
  follow();
  list.focus();
};

/** Offers what can be done with a line, and holds still meanwhile. */
function choose(node) {
  if (chosen === node) return;
  chosen?.querySelector(".try")?.remove();
  chosen = node;
  if (!node) return;
  const button = make("button", "try", "try it");
  button.type = "button";
  node.lastElementChild.append(button);
  isFollowing = false;
  $("newest").hidden = false;
}

list.onclick = event => {
  const node = event.target.closest(".line");
  if (!node) return;
  const { line } = kept.find(entry => entry.node === node);
  if (event.target.closest(".try")) return tryLine(line);
  const more = event.target.closest(".more");
  if (more) {
    const isOpen = more.textContent === "less";
    node.querySelector(".text").replaceChildren(...words(line, isOpen ? brief(line.text) : Infinity), isOpen ? "…" : "");
    more.textContent = isOpen ? "more" : "less";
    more.setAttribute("aria-expanded", !isOpen);
  }
  // Whoever marks a text to copy it wants no button in it.
  if (getSelection().isCollapsed) choose(node);
};

list.onkeydown = event => {
  const here = event.target.closest(".line");
  const step = { ArrowUp: "previousElementSibling", ArrowDown: "nextElementSibling" }[event.key];
  if (step) {
    let next = here ? here[step] : list.lastElementChild;
    while (next?.hidden) next = next[here ? step : "previousElementSibling"];
    if (next) {
      choose(next);
      next.focus();
    }
  } else if (event.key === "Enter" && event.target === here) {
    choose(here);
    here.querySelector(".try").focus();
  } else if (event.key === "Escape" && here) {
    choose(null);
    list.focus();
  } else {
    return;
  }
  event.preventDefault();
};

// ---- What is known of the daemon

const LOST = {
  lines_evicted: ["line lost unread in the ring", "lines lost unread in the ring"],
  kernel_drops: ["datagram dropped by the kernel", "datagrams dropped by the kernel"],
  alerts_evicted: ["alert lost, too many waited", "alerts lost, too many waited"],
  rejected: ["alert refused by a service", "alerts refused by a service"],
  expired: ["alert grew too old", "alerts grew too old"],
};

/** Has a table show these: [key, how to build a row, how to fill it]; rows that stay keep their focus. */
function rows(table, key, entries, build, fill) {
  const body = $(table).tBodies[0];
  const old = new Map([...body.rows].map(row => [row.dataset[key], row]));
  entries.forEach((entry, place) => {
    let row = old.get(entry.id);
    old.delete(entry.id);
    if (!row) {
      row = make("tr", "");
      row.dataset[key] = entry.id;
      build(row, entry);
    }
    if (body.rows[place] !== row) body.insertBefore(row, body.rows[place] ?? null);
    fill(row, entry);
  });
  old.forEach(row => row.remove());
}

/** A cell; `of` names its column where there is no room for a head. */
function cell(row, kind, of) {
  const node = make("td", kind);
  if (of) node.dataset.of = of;
  row.append(node);
  return node;
}

function head(row, name, ...under) {
  const node = make("th", "", make("span", "name", ...shown(name)), ...under);
  node.scope = "row";
  row.append(node);
}

function button(kind, text, label, act) {
  const node = make("button", kind, text);
  node.type = "button";
  node.setAttribute("aria-label", label);
  node.onclick = act;
  return node;
}

const fill = (row, texts) => {
  for (const [kind, text] of Object.entries(texts)) put(row.querySelector("." + kind), text);
};

function showRules(rules) {
  rows("rules", "rule", rules.map(rule => ({ id: rule.name, ...rule })), (row, { name, description, notifiers }) => {
    const under = make("span", "dim", ...shown(description + (notifiers.length ? " → " + notifiers.join(", ") : "")));
    head(row, name, under);
    cell(row, "number matched", "matched");
    cell(row, "number alerts", "alerts");
    cell(row, "number suppressed", "suppressed");
    cell(row, "last", "last");
    cell(row, "at-end").append(
      make("span", "muted"), " ",
      button("mute", "Mute…", "Mute " + name, () => mute(name)),
      button("unmute", "Unmute", "Unmute " + name, () => post("/api/mute", { rule: name, span: "off" }, name + " is not muted any more.")),
    );
  }, (row, rule) => {
    const isMuted = rule.muted_seconds !== undefined;
    fill(row, {
      matched: count(rule.matched), alerts: count(rule.alerts), suppressed: count(rule.suppressed),
      last: ago(rule.last_seconds_ago), muted: isMuted ? "for " + span(Math.ceil(rule.muted_seconds / 60) * 60) : "",
    });
    hide(row.querySelector(".mute"), isMuted, row.querySelector(".unmute"));
  });
  $("unmute-all").hidden = rules.every(rule => rule.muted_seconds === undefined);
  $("mute-all").hidden = rules.length === 0;
}

/** Shows one of two buttons; whoever stood on the one stands on the other. */
function hide(first, isHidden, second) {
  const had = document.activeElement === first || document.activeElement === second;
  first.hidden = isHidden;
  second.hidden = !isHidden;
  if (had) (isHidden ? second : first).focus();
}

const CONDITIONS = { well: "", stuck: "stuck: it has taken nothing for a while", parked: "parked: somebody must act" };

function showNotifiers(notifiers) {
  rows("notifiers", "notifier", notifiers.map(card => ({ id: card.name, ...card })), (row, { name }) => {
    head(row, name, make("span", "condition bad"), make("span", "lost bad"));
    cell(row, "number waiting", "waiting");
    cell(row, "number delivered", "delivered");
    cell(row, "answer whole");
    cell(row, "at-end").append(button("test", "Test…", "Test " + name, () => ask(name)));
  }, (row, card) => {
    const lost = [[card.rejected, "refused"], [card.expired, "grew too old"]].filter(([number]) => number);
    fill(row, {
      waiting: count(card.waiting), delivered: count(card.delivered), condition: CONDITIONS[card.condition],
      lost: lost.map(([number, what]) => count(number) + " " + what).join(", "),
      answer: card.answer === undefined ? "none yet" : plain(card.answer) + ", " + ago(card.answered_seconds_ago),
    });
  });
}

function showRouters(routers) {
  rows("routers", "router", routers.map(router => ({ id: router.address, ...router })), (row, router) => {
    head(row, router.name ?? "no name in ROUTERS");
    row.firstChild.firstChild.className = router.name ? "name" : "dim";
    cell(row, "address").textContent = plain(router.address);
    cell(row, "number lines", "lines");
  }, (row, router) => fill(row, { lines: count(router.lines) }));
}

let isFirst = true;
function showState(state) {
  put($("version"), state.version);
  put($("uptime"), "up " + span(state.uptime_seconds));
  const troubles = state.troubles;
  const out = state.notifiers.filter(card => card.condition !== "well").length;
  const failing = state.notifiers.filter(card => card.condition === "well" && card.waiting && card.answer && card.answer !== "taken").length;
  const muted = state.rules.filter(rule => rule.muted_seconds !== undefined).length;
  const ills = [
    troubles.length && several(troubles.length, "trouble"),
    out && several(out, "notifier is", "notifiers are") + " out",
    failing && several(failing, "notifier fails", "notifiers fail"),
  ].filter(Boolean);
  const lost = Object.entries(LOST).filter(([name]) => state.lost[name]);
  put($("state"), ills.join(", ") || (lost.length ? "" : "all is well"));
  $("state").className = ills.length ? "bad" : "";
  $("troubles").hidden = !troubles.length;
  if ($("troubles").childElementCount !== troubles.length || troubles.some((text, i) => $("troubles").children[i].textContent !== plain(text))) {
    $("troubles").replaceChildren(...troubles.map(text => make("li", "", plain(text))));
  }
  put($("figures"), [
    several(state.lines, "line"), several(state.alerts, "alert"),
    count(state.suppressed) + " suppressed", count(state.delivered) + " delivered",
    // Somebody wants it so.
    ...(muted ? [several(muted, "rule") + " muted"] : []),
  ].join(" · "));
  put($("losses"), lost.map(([name, names]) => several(state.lost[name], ...names)).join(" · ") || "nothing lost");
  $("losses").className = lost.length ? "bad" : "";
  $("logout").hidden = !state.locked;
  showRules(state.rules);
  showNotifiers(state.notifiers);
  showRouters(state.routers);
  if (isFirst) suggest(state);
  isFirst = false;
}

let poll;
async function askState() {
  clearTimeout(poll);
  if (document.hidden) return;
  try {
    showState(await call("/api/state"));
    // Somebody logged in elsewhere.
    if ($("again")) connect();
  } catch (error) {
    put($("state"), error.message);
    $("state").className = "bad";
  }
  poll = setTimeout(askState, 2000);
}
document.addEventListener("visibilitychange", askState);

async function post(path, question, done) {
  try {
    await call(path, question);
    say(done);
  } catch (error) {
    say("Not done: " + error.message);
  }
  // The worker does it between two lines.
  setTimeout(askState, 200);
}

/** Opens a dialogue; does `act` on yes. */
function open(id, title, act) {
  const dialog = $(id);
  put($(id + "-h"), plain(title));
  dialog.returnValue = "";
  dialog.onclose = () => dialog.returnValue === "yes" && act();
  dialog.showModal();
}

function mute(rule) {
  open("mute", rule ? "Mute " + rule + "?" : "Mute all rules?", () => {
    const option = $("mute-span").selectedOptions[0];
    const question = rule ? { rule, span: option.value } : { span: option.value };
    post("/api/mute", question, (rule ?? "Every rule") + " is muted for " + option.text + ".");
  });
}
$("mute-all").onclick = () => mute();
$("unmute-all").onclick = () => post("/api/mute", { span: "off" }, "No rule is muted any more.");

function ask(notifier) {
  open("ask", "Send a test alert to " + notifier + "?", () => {
    post("/api/test", { notifier }, "A test alert is on its way to " + notifier + ".");
  });
}

// ---- The tester

const TEXTS_MAX = 100;

function tryLine(line) {
  // Lines end where they end: a line feed within one would make two of it.
  $("try-text").value = line.text.replace(/[\r\n]+$/, "");
  changed();
  $("tester").scrollIntoView();
  $("try-pattern").focus({ preventScroll: true });
}

function question() {
  const pattern = $("try-pattern").value;
  if (!pattern) return null;
  const texts = $("try-text").value.split("\n").filter(text => text);
  const mask = $("try-mask").value;
  return { match_type: $("try-type").value, pattern, mask: mask || undefined, texts: texts.slice(0, TEXTS_MAX) };
}

/** Where a byte of the UTF-8 text is in the text as scripts count. */
function places(text) {
  const bytes = new TextEncoder().encode(text), decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return place => decoder.decode(bytes.subarray(0, place)).length;
}

/** A text with its groups marked. They nest as in the pattern; one that crosses another is cut there in two. */
function marked(text, groups) {
  const root = document.createDocumentFragment(), place = places(text);
  const order = (a, b) => a.start - b.start || b.end - a.end || a.number - b.number;
  const spans = groups.map((group, number) => group && { number, start: place(group.start), end: place(group.end) })
    .filter(Boolean).sort(order);
  const open = [{ node: root, end: text.length }];
  let at = 0;
  const write = to => {
    open.at(-1).node.append(...shown(text.slice(at, to)));
    at = Math.max(at, to);
  };
  const close = to => {
    while (open.length > 1 && open.at(-1).end <= to) {
      write(open.at(-1).end);
      open.pop();
    }
  };
  while (spans.length) {
    const { number, start, end } = spans.shift();
    // What is empty and ends its group is still in it.
    close(start === end ? start - 1 : start);
    write(start);
    const top = open.at(-1);
    if (end > top.end) spans.push({ number, start: top.end, end });
    spans.sort(order);
    const node = make("mark", "g" + number + " c" + (number && (number - 1) % 6 + 1));
    if (number) node.dataset.n = number;
    top.node.append(node);
    open.push({ node, end: Math.min(end, top.end) });
  }
  close(text.length);
  write(text.length);
  return root;
}

function result(row) {
  const verdict = make("span", row.matched ? "verdict" : "verdict no", row.matched ? "matches" : "no match");
  const item = make("li", "", verdict, " ", make("span", "", marked(row.text, row.groups)));
  const legend = row.groups.slice(1).flatMap((group, i) => make(
    "span", "", make("b", "c" + (i % 6 + 1), "@" + (i + 1)), " ", ...(group ? shown(group.text) : ["(took no part)"]),
  ));
  if (legend.length) item.append(make("div", "legend", ...legend));
  if (row.message !== undefined) {
    item.append(make("div", "", make("span", "verdict", "sends"), " ", make("span", "message", ...shown(row.message))));
  }
  return item;
}

/** What is wrong, below the place in the pattern. A long pattern is shown around it. */
function faultText(fault, pattern) {
  if (fault.part !== "pattern" || !fault.text) return (fault.part === "mask" ? "The text to send: " : "") + fault.what;
  const at = places(pattern)(fault.at);
  const before = at > 20 ? "…" + pattern.slice(at - 19, at) : pattern.slice(0, at);
  const after = pattern.length > at + 14 ? pattern.slice(at, at + 13) + "…" : pattern.slice(at);
  return plain(before + after) + "\n" + " ".repeat([...plain(before)].length) + "^\n" + plain(fault.what);
}

function showTry(answer, asked) {
  const fault = answer?.error ? { what: answer.error } : answer?.fault ?? answer?.warning;
  put($("try-fault"), fault ? faultText(fault, asked.pattern) : "");
  $("try-fault").className = answer?.fault || answer?.error ? "bad" : "warn";
  $("try-pattern").setAttribute("aria-invalid", answer?.fault?.part === "pattern");
  $("try-mask").setAttribute("aria-invalid", answer?.fault?.part === "mask");
  const rows = answer?.rows ?? [];
  const more = $("try-text").value.split("\n").filter(text => text).length > TEXTS_MAX;
  const matched = rows.filter(row => row.matched).length;
  put($("try-count"), rows.length ? matched + " of " + several(rows.length, "line") + (more ? " (the first 100)" : "") + " matched" : "");
  $("try-result").replaceChildren(...rows.map(result));
}

const tryNow = asker("/api/try", question, showTry);

// ---- The rule form

const OPTIONS = [
  ["TOPICS", "system,error,!debug", "topics it must have; after ! must not"],
  ["FROM", "home,10.0.0.0/8", "who must have sent it"],
  ["EXCLUDE", "from 192\\.168\\.", "regex that it must not have"],
  ["KEY", "@{router} @1", "what counts as the same"],
  ["THRESHOLD", "5/60s", "so many lines within so long"],
  ["COOLDOWN", "10m", "quiet for so long after an alert"],
  ["CLEAR", "link up", "regex of the line that ends the trouble"],
  ["WITHIN", "30s", "only if not over by then; needs CLEAR"],
  ["SILENCE", "24h", "tell when nothing matched for so long"],
  ["SPIKE", "3", "standard deviations above the usual"],
  ["FLAP", "on, or 20/30", "tell once what goes back and forth"],
  ["PRIORITY", "normal", "low, normal, high or urgent"],
  ["MUTE", "22:00-07:00", "hours in which alerts are held"],
];

for (const [name, example, hint] of OPTIONS) {
  const input = make("input", "");
  input.id = "rule-" + name;
  input.placeholder = example;
  input.spellcheck = false;
  input.autocapitalize = "off";
  if (name === "PRIORITY") input.setAttribute("list", "priorities");
  $("options").append(make("label", "", name, input, make("small", "", hint)));
}

/** A number that is free, and somebody to tell. */
function suggest(state) {
  const taken = new Set(state.rules.map(rule => rule.name));
  let number = 0;
  while (taken.has("EVENT" + number)) number++;
  const names = state.notifiers.map(card => card.name);
  $("rule-number").value = number;
  $("names").replaceChildren(...names.map(name => make("option", "", name)));
  $("rule-NOTIFIER").value ||= names[0] ?? "Console";
}

function variables() {
  // Nobody wants to hear of what is missing before anything was written.
  if (!$("try-pattern").value && !isDrafted) return null;
  const values = { NOTIFIER: "rule-NOTIFIER", MATCH_TYPE: "try-type", MATCH_STR: "try-pattern", MASK_MSG: "try-mask" };
  for (const [name] of OPTIONS) values[name] = "rule-" + name;
  const set = Object.entries(values).filter(([, id]) => $(id).value);
  return { variables: Object.fromEntries(set.map(([name, id]) => ["EVENT" + $("rule-number").value + "_" + name, $(id).value])) };
}

let isDrafted = false;
const drafted = {};
const draftNow = asker("/api/draft", variables, answer => {
  const faults = answer?.error ? [answer.error] : answer?.faults ?? [];
  const items = texts => texts.map(text => make("li", "", ...shown(text)));
  $("draft-faults").replaceChildren(...items(faults));
  $("draft-warnings").replaceChildren(...items(answer?.warnings ?? []));
  $("outputs").hidden = !answer || faults.length > 0;
  for (const kind of ["shell", "file", "routeros"]) put($("out-" + kind), drafted["out-" + kind] = answer?.[kind] ?? "");
});

function changed() {
  tryNow();
  draftNow();
}
for (const id of ["try-text", "try-type", "try-pattern", "try-mask"]) $(id).addEventListener("input", changed);
$("rule-form").addEventListener("input", () => {
  isDrafted = true;
  draftNow();
});
$("rule-form").addEventListener("submit", event => event.preventDefault());

for (const copy of document.querySelectorAll(".copy")) {
  copy.onclick = async () => {
    const id = copy.dataset.of;
    try {
      // Only on localhost and over TLS is there a clipboard.
      await navigator.clipboard.writeText(drafted[id]);
      say("Copied.");
    } catch {
      getSelection().selectAllChildren($(id));
      say(document.execCommand("copy") ? "Copied." : "Selected: copy it with Ctrl+C.");
    }
  };
}

connect();
askState();
