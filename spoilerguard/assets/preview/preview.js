(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const by = (id) => document.getElementById(id);
  const draft = document.querySelector(".draft");
  const spans = [...draft.querySelectorAll("[data-s], [data-h]")];
  const items = [...document.querySelectorAll("#findings li")];
  const slider = by("threshold");
  const numberOf = (span) => Number(span.dataset.s);
  const byAuthor = (span) => span.dataset.h !== undefined;

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

  const hide = () => {
    clear();
    const count = data.stops[stop][1];
    const flagged = (span) => numberOf(span) < count;
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
  };

  /* --- the list ------------------------------------------------------------------------------------ */

  const list = () => {
    const [, count] = data.stops[stop];
    const which = document.querySelector("[name=which]:checked").value;
    const kind = by("kind").value;
    let some = false;
    for (const item of items) {
      const flagged = Number(item.dataset.n) < count;
      const fits = which === "all" || (which === "flagged") === flagged;
      item.hidden = !fits || (kind && item.dataset.kind !== kind);
      item.classList.toggle("below", !flagged);
      some ||= !item.hidden;
    }
    by("none").hidden = some;
  };

  const goTo = (number) => {
    const group = groups.find((each) => each.spans.some((span) => !byAuthor(span) && numberOf(span) === number));
    const marks = spans.filter((span) => !byAuthor(span) && numberOf(span) === number);
    const target = group && !isOpen(group) ? group.button : marks[0];
    for (const old of draft.querySelectorAll(".here")) old.classList.remove("here");
    for (const mark of [group && group.button, ...marks]) if (mark) mark.classList.add("here");
    if (target !== marks[0]) target.focus({ preventScroll: true });
    else {
      target.tabIndex = -1;
      target.focus({ preventScroll: true });
    }
    target.scrollIntoView({ block: "center" });
  };

  /* --- the threshold ------------------------------------------------------------------------------- */

  const move = (to) => {
    stop = Number(to);
    const [percent, count, option] = data.stops[stop];
    const words = `${count} of ${data.sentences} sentence${data.sentences === 1 ? "" : "s"}`;
    slider.value = stop;
    slider.style.setProperty("--at", `calc(9px + (100% - 18px) * ${stop / Math.max(slider.max, 1)})`);
    slider.setAttribute("aria-valuetext", `${percent}, ${words} hidden`);
    by("value").textContent = percent;
    by("count").textContent = words;
    by("status").textContent = "";
    for (const button of document.querySelectorAll("[data-stop]"))
      button.setAttribute("aria-pressed", Number(button.dataset.stop) === stop);
    hide();
    list();
    tellStyle(option);
  };

  /* --- copies -------------------------------------------------------------------------------------- */

  const bytes = Uint8Array.from(atob(by("copies").textContent), (letter) => letter.charCodeAt(0));
  const unpacked = new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();

  /* The text in a style at the threshold of the slider: what `spoilerguard blur` gives; or why it gives none. */
  const written = async (style) => {
    const { chunks, styles } = await unpacked;
    const found = styles[style][data.counts.indexOf(data.stops[stop][1])];
    return typeof found === "string" ? { error: found } : { text: found.map((at) => chunks[at]).join("") };
  };

  const tellStyle = (option) => {
    const chosen = by("style").selectedOptions[0];
    by("about").textContent = chosen.dataset.about;
    by("command").textContent = `${data.command} --style ${chosen.value} ${option}`;
  };

  const copy = async () => {
    const { text, error } = await written(by("style").value);
    const area = by("text");
    area.hidden = true;
    if (error) {
      by("status").textContent = `Nothing copied. ${error}`;
      return;
    }
    try {
      await navigator.clipboard.writeText(text);
      by("status").textContent = `Copied ${text.length.toLocaleString("en")} characters.`;
    } catch {
      area.value = text;
      area.hidden = false;
      area.select();
      by("status").textContent = "This browser does not let a page copy: the text is below, selected.";
    }
  };

  /* --- begin --------------------------------------------------------------------------------------- */

  slider.addEventListener("input", () => move(slider.value));
  for (const button of document.querySelectorAll("[data-stop]"))
    button.addEventListener("click", () => move(button.dataset.stop));
  for (const input of document.querySelectorAll("[name=which], #kind")) input.addEventListener("change", list);
  by("style").addEventListener("change", () => {
    by("status").textContent = "";
    tellStyle(data.stops[stop][2]);
  });
  by("copy").addEventListener("click", copy);
  by("all").addEventListener("click", () => {
    const open = !groups.every(isOpen);
    groups.forEach((group) => reveal(group, open));
    paintAll();
  });
  for (const item of items)
    item.firstChild.addEventListener("click", (event) => {
      event.preventDefault();
      goTo(Number(item.dataset.n));
    });
  if (matchMedia("(max-width: 60rem)").matches) by("findings").open = false;
  move(stop);
})();
