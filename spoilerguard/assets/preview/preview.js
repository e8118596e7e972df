/* The second half of the page's script: the list, the threshold, copies and saved decisions. `draft.js` precedes. */
/* --- the list ------------------------------------------------------------------------------------ */

const list = () => {
  const which = document.querySelector("[name=which]:checked").value;
  const kind = by("kind").value;
  let some = false;
  for (const item of items) {
    const number = Number(item.dataset.n);
    const fits = which === "all" || (which === "decided" ? decisions.has(number) : (which === "flagged") === isHidden(number));
    item.hidden = !fits || (kind && item.dataset.kind !== kind);
    some ||= !item.hidden;
  }
  by("none").hidden = some;
};

/* --- one sentence ------------------------------------------------------------------------------- */

const groupOf = (number) =>
  groups.find((each) => each.spans.some((span) => !byAuthor(span) && numberOf(span) === number));
const marksOf = (number) => spans.filter((span) => !byAuthor(span) && numberOf(span) === number);

const markCurrent = () => {
  for (const old of document.querySelectorAll(".here")) old.classList.remove("here");
  if (current === null) return;
  const group = groupOf(current);
  const item = items.find((each) => Number(each.dataset.n) === current);
  for (const mark of [group && group.button, item, ...marksOf(current)]) if (mark) mark.classList.add("here");
};

const select = (number) => {
  current = number;
  const { line, score } = data.entries[number];
  const rest = document.createElement("span");
  rest.className = "rest";
  rest.textContent = ` · ${Math.round(100 * score)}%`;
  by("current").replaceChildren(`Line ${line}`, rest);
  markCurrent();
  paintVerdict(bar, number);
};

/* The control that shows the sentence, or the sentence itself, gets the focus. */
const focusOn = (number) => {
  const group = groupOf(number);
  const target = group ? group.button : marksOf(number)[0];
  if (!target) return;
  if (!group) target.tabIndex = -1;
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "center" });
};

const goTo = (number) => {
  const group = groupOf(number);
  if (group && !isOpen(group)) {
    reveal(group, true);
    paintAll();
  }
  select(number);
  focusOn(number);
};

const step = (by, inList) => {
  const numbers = inList ? items.filter((item) => !item.hidden).map((item) => Number(item.dataset.n)) : order;
  if (!numbers.length) return;
  const at = numbers.indexOf(current);
  const next = at < 0 ? (by > 0 ? 0 : numbers.length - 1) : Math.min(Math.max(at + by, 0), numbers.length - 1);
  const number = numbers[next];
  select(number);
  const place = inList ? items.find((item) => Number(item.dataset.n) === number).firstChild : null;
  if (place) place.focus();
  else (groupOf(number)?.button || marksOf(number)[0])?.scrollIntoView({ block: "center" });
};

/* --- the threshold ------------------------------------------------------------------------------- */

const words = () => `${order.filter(isHidden).length} of ${data.sentences} sentence${data.sentences === 1 ? "" : "s"}`;

/* What the page says about the threshold, the decisions and the style. */
const say = () => {
  const percent = data.stops[stop][0];
  slider.setAttribute("aria-valuetext", `${percent}, ${words()} hidden`);
  by("value").textContent = percent;
  by("count").textContent = words();
  sayStyle();
};

const move = (to) => {
  stop = Number(to);
  slider.value = stop;
  slider.style.setProperty("--at", `calc(9px + (100% - 18px) * ${stop / Math.max(slider.max, 1)})`);
  by("status").textContent = "";
  for (const button of document.querySelectorAll("[data-stop]"))
    button.setAttribute("aria-pressed", Number(button.dataset.stop) === stop);
  hide();
  paintDecisions();
  list();
  say();
};

/* --- copies -------------------------------------------------------------------------------------- */

const bytes = Uint8Array.from(atob(by("copies").textContent), (letter) => letter.charCodeAt(0));
const unpacked = new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();

/* The number of sentences that are hidden, if they are the likeliest, as at a stop of the slider; else -1. Only such
   texts are in the page: what is hidden by hand is written by `blur`, which reads again what it writes. */
const countLikeStop = () => {
  const hidden = order.filter(isHidden);
  return data.counts.includes(hidden.length) && hidden.every((number) => number < hidden.length) ? hidden.length : -1;
};

/* The text in a style: what `spoilerguard blur` gives; or why it gives none. */
const written = async (style, count) => {
  const { chunks, styles } = await unpacked;
  const found = styles[style][data.counts.indexOf(count)];
  return typeof found === "string" ? { error: found } : { text: found.map((at) => chunks[at]).join("") };
};

const sayStyle = () => {
  const chosen = by("style").selectedOptions[0];
  const like = countLikeStop() >= 0;
  by("about").textContent = chosen.dataset.about;
  by("command").textContent = like && !decisions.size
    ? `${data.command} --style ${chosen.value} ${data.stops[stop][2]}`
    : `${data.decided} --style ${chosen.value}`;
  by("what").textContent = like ? "text" : "command";
};

const clip = async (text, done) => {
  const area = by("text");
  area.hidden = true;
  try {
    await navigator.clipboard.writeText(text);
    by("status").textContent = done;
  } catch {
    area.value = text;
    area.hidden = false;
    area.select();
    by("status").textContent = "This browser does not let a page copy: the text is below, selected.";
  }
};

const copy = async () => {
  const count = countLikeStop();
  if (count < 0) {
    const what = unsaved ? "Save the decisions, then run it beside the file." : "Run it beside the saved decisions.";
    await clip(by("command").textContent, `Copied the command that writes the text as you decided. ${what}`);
    return;
  }
  const { text, error } = await written(by("style").value, count);
  if (error) {
    by("text").hidden = true;
    by("status").textContent = `Nothing copied. ${error}`;
  } else await clip(text, `Copied ${text.length.toLocaleString("en")} characters.`);
};

/* --- decisions as a file: the report of `check`, version 2 ---------------------------------------- */

const report = () => {
  const count = data.stops[stop][1];
  const found = structuredClone(data.report);
  const [file] = found.files;
  file.flags = [];
  file.near_misses = [];
  for (const number of order) {
    if (number >= data.listed && !decisions.has(number)) continue;
    const entry = { ...data.entries[number], decision: decisions.get(number) || null };
    (number < count ? file.flags : file.near_misses).push(entry);
  }
  return { ...found, threshold: data.thresholds[stop] };
};

const save = () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(report(), null, 2), "\n"], { type: "application/json" }));
  link.download = "decisions.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  unsaved = false;
  const many = `${decisions.size} decision${decisions.size === 1 ? "" : "s"}`;
  by("status").textContent = `Saved ${many} as decisions.json. To keep them: spoilerguard decide decisions.json`;
};

/* --- begin --------------------------------------------------------------------------------------- */

slider.addEventListener("input", () => move(slider.value));
for (const button of document.querySelectorAll("[data-stop]"))
  button.addEventListener("click", () => move(button.dataset.stop));
for (const input of document.querySelectorAll("[name=which], #kind")) input.addEventListener("change", list);
by("style").addEventListener("change", () => {
  by("status").textContent = "";
  sayStyle();
});
by("copy").addEventListener("click", copy);
by("save").addEventListener("click", save);
by("undo").addEventListener("click", undo);
by("previous").addEventListener("click", () => step(-1, false));
by("next").addEventListener("click", () => step(1, false));
by("all").addEventListener("click", () => {
  const open = !groups.every(isOpen);
  groups.forEach((group) => reveal(group, open));
  paintAll();
});
for (const item of items) {
  const number = Number(item.dataset.n);
  item.firstChild.addEventListener("click", (event) => {
    event.preventDefault();
    goTo(number);
  });
  item.addEventListener("focusin", () => select(number));
}
for (const button of document.querySelectorAll("[data-decide]"))
  button.addEventListener("click", () => {
    const item = button.closest("li");
    decide(item ? Number(item.dataset.n) : current, button.dataset.decide);
  });
draft.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const group = button && groups.find((each) => each.button === button);
  const span = group ? group.spans.find((each) => !byAuthor(each)) : event.target.closest("[data-s]");
  if (span && getSelection().isCollapsed) select(numberOf(span));
});
const keys = {
  j: (inList) => step(1, inList),
  k: (inList) => step(-1, inList),
  h: () => current !== null && decide(current, "hide"),
  s: () => current !== null && decide(current, "show"),
  u: undo,
};
document.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  if (event.target.closest("select, textarea") || event.altKey) return;
  if ((event.ctrlKey || event.metaKey) && key === "z" && !event.shiftKey && history.length) {
    event.preventDefault();
    undo();
  }
  const place = event.target.closest("#findings ol, .draft, .bar");
  if (!place || event.ctrlKey || event.metaKey || !(key in keys)) return;
  event.preventDefault();
  keys[key](place.matches("ol"));
});
addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});
if (matchMedia("(max-width: 60rem)").matches) by("findings").open = false;
move(stop);
