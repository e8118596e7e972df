/* The first half of the page's script: what of the draft is hidden, and what was decided. `preview.js` follows. */
const data = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);
const draft = document.querySelector(".draft");
const spans = [...draft.querySelectorAll("[data-s], [data-h]")];
const items = [...document.querySelectorAll("#findings li")];
const slider = by("threshold");
const bar = document.querySelector(".bar");
const numberOf = (span) => Number(span.dataset.s);
const byAuthor = (span) => span.dataset.h !== undefined;
/* The numbers of all sentences, the likeliest spoiler being 0, in the order in which they stand. */
const order = data.entries.map((_, number) => number).sort((a, b) => data.entries[a].start - data.entries[b].start);

/* What of the draft is a block of its own, and whether all its text is of sentences that may be hidden. */
const blocks = [...draft.children].map((block) => {
  const rest = block.cloneNode(true);
  rest.querySelectorAll("[data-s]").forEach((span) => span.remove());
  const mine = [...block.querySelectorAll("[data-s]")];
  const whole = mine.length && !rest.textContent.trim() && !rest.querySelector("img, pre, hr, table, .image, [data-h]");
  return { block, mine, whole: Boolean(whole) && !block.matches("[data-s]") };
});
const around = (span) => span.closest("p, li, td, th, h1, h2, h3, h4, h5, h6, dt, dd, blockquote, div");

/* --- what is hidden --------------------------------------------------------------------------- */

const shown = new Set(); /* what was revealed, by number; stays so when the threshold moves */
let stop = data.at;
let current = null; /* the number of the sentence that is selected */
let groups = []; /* of what is hidden as one: { key, segments, button } */

const keysOf = (group) => group.spans.map((span) => (byAuthor(span) ? `h${span.dataset.h}` : numberOf(span)));
const isOpen = (group) => keysOf(group).every((key) => shown.has(key));

const paint = (group) => {
  const open = isOpen(group);
  group.button.setAttribute("aria-expanded", open);
  for (const segment of group.segments) segment.hidden = !open;
};
const paintAll = () => {
  groups.forEach(paint);
  const all = by("all");
  const open = groups.length > 0 && groups.every(isOpen);
  all.hidden = !groups.length;
  all.textContent = open ? "Hide all" : "Show all";
  all.setAttribute("aria-pressed", open);
};
const reveal = (group, open) => keysOf(group).forEach((key) => (open ? shown.add(key) : shown.delete(key)));

const control = (group, label) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "sg1-show";
  button.textContent = label;
  button.setAttribute("aria-controls", group.segments.map((segment) => segment.id).join(" "));
  button.addEventListener("click", () => {
    reveal(group, !isOpen(group));
    paintAll();
  });
  group.button = button;
  return button;
};

let ids = 0;
const markSpoiler = (segment) => {
  segment.classList.add("sg1");
  segment.id ||= `p-${++ids}`;
  if (segment.closest("h1, h2, h3, h4, h5, h6")) return;
  segment.setAttribute("role", "group");
  segment.setAttribute("aria-label", "Spoiler");
};

const clear = () => {
  for (const { button, segments, box } of groups) {
    (button.closest(".sg1-bar") || button).remove();
    for (const segment of segments) {
      segment.hidden = false;
      segment.classList.remove("sg1");
      segment.removeAttribute("role");
      segment.removeAttribute("aria-label");
    }
    if (box) box.replaceWith(...box.childNodes);
  }
  groups = [];
};

/* Two and more blocks in a row, all of them flagged, are hidden as one. */
const hideBlocks = (flagged) => {
  const done = new Set();
  const close = (run) => {
    if (run.length < 2) return;
    const box = document.createElement("div");
    const bar = document.createElement("div");
    bar.className = "sg1-bar";
    run[0].block.before(bar, box);
    box.append(...run.map((entry) => entry.block));
    const group = { spans: run.flatMap((entry) => entry.mine), segments: [box], box };
    group.spans.forEach((span) => done.add(span));
    markSpoiler(box);
    bar.append(control(group, "Show spoiler"));
    groups.push(group);
  };
  let run = [];
  for (const entry of blocks) {
    if (entry.whole && entry.mine.every(flagged)) run.push(entry);
    else {
      close(run);
      run = [];
    }
  }
  close(run);
  return done;
};

/* --- decisions --------------------------------------------------------------------------------- */

const decisions = new Map(Object.entries(data.decisions).map(([number, what]) => [Number(number), what]));
const history = []; /* of decisions, to undo: [number, what it was before] */
let unsaved = false;

const isHidden = (number) =>
  decisions.has(number) ? decisions.get(number) === "hide" : number < data.stops[stop][1];
const decide = (number, what) => {
  const before = decisions.get(number) || null;
  history.push([number, before]);
  set(number, before === what ? null : what); /* the same again takes it back */
};
const undo = () => {
  if (!history.length) return;
  const [number, before] = history.pop();
  select(number);
  set(number, before);
};
const set = (number, what) => {
  const typing = draft.contains(document.activeElement);
  if (what) decisions.set(number, what);
  else decisions.delete(number);
  if (what === "hide") shown.delete(number);
  unsaved = true;
  hide();
  paintDecisions();
  say();
  if (typing) focusOn(number);
  const fate = isHidden(number) ? "hidden" : "shown";
  const why = what ? "" : ", as the threshold has it";
  by("status").textContent = `Line ${data.entries[number].line} will be ${fate}${why}. ${words()} hidden.`;
};

/* What the list, the bar and the draft show of the decisions; the list keeps its items until it is filtered again. */
const paintDecisions = () => {
  for (const item of items) {
    const number = Number(item.dataset.n);
    item.classList.toggle("below", !isHidden(number));
    paintVerdict(item, number);
  }
  for (const span of spans)
    if (!byAuthor(span)) span.dataset.decided = decisions.get(numberOf(span)) || "";
  by("undo").disabled = !history.length;
  paintVerdict(bar, current);
};
const paintVerdict = (place, number) => {
  for (const button of place.querySelectorAll("[data-decide]")) {
    button.disabled = number === null;
    button.setAttribute("aria-pressed", decisions.get(number) === button.dataset.decide);
    button.classList.toggle("so", number !== null && isHidden(number) === (button.dataset.decide === "hide"));
  }
};

const hide = () => {
  clear();
  const flagged = (span) => isHidden(numberOf(span));
  const done = hideBlocks(flagged);
  let group = null;
  let before = null;
  for (const span of spans) {
    const mine = byAuthor(span) || (flagged(span) && !done.has(span));
    const joins = mine && group && "j" in span.dataset && byAuthor(span) === byAuthor(before) &&
      (byAuthor(span) ? span.dataset.h === before.dataset.h : around(span) === around(before));
    if (mine && !joins) groups.push((group = { spans: [], segments: [] }));
    if (!mine) group = null;
    else {
      group.spans.push(span);
      group.segments.push(span);
    }
    before = span;
  }
  for (const each of groups) {
    if (each.box) continue;
    each.segments.forEach(markSpoiler);
    each.segments[0].before(control(each, byAuthor(each.spans[0]) ? "Hidden by the author" : "Show spoiler"));
  }
  paintAll();
  markCurrent();
};
