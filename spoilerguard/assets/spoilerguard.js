/*! spoilerguard 1 */
/* Load it with defer. No dependency, nothing inline. */
(() => {
  if (document.sg1) return; /* loaded twice, every click would count twice */
  document.sg1 = true;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const closed = (button) => button.matches("[aria-expanded=false]");
  const toButton = (old, properties) => {
    const button = document.createElement("button");
    Object.assign(button, properties, { type: "button", textContent: old.textContent });
    old.replaceWith(button);
    return button;
  };

  /* Shows or hides the pieces of a spoiler: key, key-2, key-3 ... All of them twice, button too,
     where a page shows a post twice. */
  const set = (key, open) => {
    const ids = [key];
    for (let id; document.getElementById((id = `${key}-${ids.length + 1}`)); ) ids.push(id);
    for (const piece of all("#" + ids.join(",#")))
      open ? piece.removeAttribute("hidden") : piece.setAttribute("hidden", "hidden");
    for (const button of all(`#${key}-show`)) {
      button.setAttribute("aria-controls", ids.join(" "));
      button.setAttribute("aria-expanded", open);
    }
  };

  /* The buttons that show all: there if there is something to show, pressed when all is shown. */
  const sync = () => {
    const shows = all("button.sg1-show");
    for (const button of all("button.sg1-all")) {
      button.hidden = !shows.length;
      button.setAttribute("aria-pressed", !shows.some(closed));
    }
  };

  /* Makes buttons in what the page has, and in what is put into it later. */
  const upgrade = () => {
    for (const link of all("a.sg1-show")) {
      const [, key, part] = /^#(sg1-\w+-\d+)(-\d+)?$/.exec(link.hash) || [];
      if (part) link.remove();
      else if (key) {
        toButton(link, { id: key + "-show", className: "sg1-show" });
        set(key, `${location.hash}-`.startsWith(`#${key}-`));
      }
    }
    for (const old of all("[data-sg-all]:not(.sg1-all)")) {
      const button = toButton(old, { className: "sg1-all" });
      button.dataset.sgAll = old.dataset.sgAll;
      button.after(document.createElement("output"));
    }
    sync();
  };

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("button.sg1-show, button.sg1-all");
    if (!button) return;
    const shows = button.id ? [button] : all("button.sg1-show");
    const open = shows.some(closed);
    for (const show of shows) set(show.id.slice(0, -5), open);
    sync();
    if (button.id) return;
    const words = (button.dataset.sgAll || "Spoilers shown|Spoilers hidden").split("|");
    button.nextSibling.value = `${words[open ? 0 : 1]}: ${shows.length}`;
  });

  new MutationObserver(upgrade).observe(document, { childList: true, subtree: true });
  upgrade();
})();
