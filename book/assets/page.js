/*
 * What the frame of a page does: light or dark, search, contents on a phone, the section being read, wide things
 * that scroll by keyboard. It takes the place of the theme's own scripts, which measure every element of a page
 * at once; here nothing is measured that is not near the reader's eyes, so that a long page opens quickly.
 */

/* A sidebar: where the window has room it is put away or brought back, where it has none it opens as a dialog. */
function startSidebar(button, sidebar, dialog) {
  if (!button || !sidebar || !dialog) return;
  const close = document.createElement("button");
  close.className = "btn book-close";
  close.textContent = "Close";
  dialog.setAttribute("aria-label", button.getAttribute("aria-label"));
  button.addEventListener("click", () => {
    if (getComputedStyle(sidebar).position !== "fixed") {
      button.setAttribute("aria-expanded", !sidebar.classList.toggle("pst-sidebar-hidden"));
      return;
    }
    dialog.className = sidebar.className;
    dialog.append(close, ...sidebar.childNodes);
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    close.remove();
    sidebar.append(...dialog.childNodes);
  });
  dialog.addEventListener("click", ({ target }) => (target === dialog || target.closest("a, .book-close")) && dialog.close());
}

function startSearch(dialog) {
  if (!dialog) return;
  dialog.setAttribute("aria-label", "Search");
  const toggle = () => (dialog.open ? dialog.close() : dialog.showModal());
  document.querySelectorAll(".search-button__button").forEach((button) => button.addEventListener("click", toggle));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  addEventListener("keydown", (event) => {
    const command = /Mac|iP/.test(navigator.platform) ? event.metaKey : event.ctrlKey;
    if (!command || event.shiftKey || event.altKey || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    toggle();
  });
}

/* The button goes round: as the system has it, then the other of the two, then the same. Paper is always light. */
function startThemeButton() {
  const root = document.documentElement;
  const buttons = document.querySelectorAll(".theme-switch-button");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = (mode) => {
    root.dataset.mode = mode;
    root.dataset.theme = mode === "auto" ? (system.matches ? "dark" : "light") : mode;
    const now = mode === "auto" ? "as the system has it" : mode;
    buttons.forEach((button) => button.setAttribute("aria-label", `Light or dark: ${now}`));
  };
  apply(root.dataset.mode);
  addEventListener("beforeprint", () => { root.dataset.theme = "light"; });
  addEventListener("afterprint", () => apply(root.dataset.mode));
  system.addEventListener("change", () => apply(root.dataset.mode));
  buttons.forEach((button) => button.addEventListener("click", () => {
    const modes = system.matches ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
    apply(modes[(modes.indexOf(root.dataset.mode) + 1) % modes.length]);
    localStorage.setItem("mode", root.dataset.mode);
  }));
}

/* On paper nothing can be opened: what is folded away is shown, and folded again afterwards. */
function openFoldsOnPaper() {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("article details:not([open])")];
    opened.forEach((fold) => { fold.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((fold) => { fold.open = false; }));
}

/* Sections far away stand at an expected height, so the place that a link leads to moves while the way there is laid
   out. Go there again until it stands still. */
function landOnAnchors() {
  const land = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const place = () => target.getBoundingClientRect().top;
    let before, still = 0, rounds = 20;
    const again = () => {
      still = place() === before ? still + 1 : 0;
      target.scrollIntoView({ behavior: "instant" });
      before = place();
      if (still < 5 && rounds--) requestAnimationFrame(() => setTimeout(again));
    };
    again();
  };
  addEventListener("hashchange", land);
  addEventListener("click", ({ target }) => {
    const link = target.closest("a[href]");
    if (link?.hash && link.href === location.href) setTimeout(land); // no hashchange
  });
  const [opening] = performance.getEntriesByType("navigation");
  if (opening?.type === "navigate") addEventListener("load", land); // else the browser restores where the reader was
}

/* Marks in the page's own contents the section that stands at the top of the window. */
function markSectionBeingRead(links) {
  const sections = new Map();
  for (const link of links) {
    const section = link.hash && document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (section) sections.set(section, link);
  }
  const inView = new Set();
  const observer = new IntersectionObserver((entries) => {
    entries.forEach(({ target, isIntersecting }) => (isIntersecting ? inView.add(target) : inView.delete(target)));
    const current = [...sections.keys()].filter((section) => inView.has(section)).pop();
    sections.forEach((link, section) => {
      link.classList.toggle("active", section === current);
      section === current ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
    });
  }, { rootMargin: "-64px 0px -70% 0px" });
  sections.forEach((_, section) => observer.observe(section));
}

/* What is wider than its place can be scrolled by keyboard: it takes the focus, measured when it comes near. */
function letWideThingsTakeFocus() {
  const wide = document.querySelectorAll("pre, .pst-scrollable-table-container, .katex-display");
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  }, { rootMargin: "200px" });
  const observe = () => wide.forEach((element) => { observer.unobserve(element); observer.observe(element); });
  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(observe, 300); });
  observe();
}

const byId = (id) => document.getElementById(id);
const one = (selector) => document.querySelector(selector);
startSidebar(one(".primary-toggle"), byId("pst-primary-sidebar"), byId("pst-primary-sidebar-modal"));
startSidebar(one(".secondary-toggle"), byId("pst-secondary-sidebar"), byId("pst-secondary-sidebar-modal"));
startSearch(byId("pst-search-dialog"));
startThemeButton();
openFoldsOnPaper();
landOnAnchors();
markSectionBeingRead(document.querySelectorAll("#pst-page-toc-nav a"));
letWideThingsTakeFocus();
