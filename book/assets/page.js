/*
 * What the frame of a page does: light or dark, search, contents on a phone, the section being read, wide things
 * that scroll by keyboard. It takes the place of the theme's own scripts, which measure every element of a page
 * at once; here nothing is measured that is not near the reader's eyes, so that a long page opens quickly.
 */

/* A sidebar: where the window has room it is put away or brought back, where it has none it opens as a dialog. */
function startSidebar(button, sidebar, dialog) {
  if (!button || !sidebar || !dialog) return;
  button.addEventListener("click", () => {
    if (getComputedStyle(sidebar).position !== "fixed") return sidebar.classList.toggle("pst-sidebar-hidden");
    dialog.className = sidebar.className;
    dialog.append(...sidebar.childNodes);
    dialog.showModal();
  });
  dialog.addEventListener("close", () => sidebar.append(...dialog.childNodes));
  dialog.addEventListener("click", (event) => (event.target === dialog || event.target.closest("a")) && dialog.close());
}

function startSearch(dialog) {
  if (!dialog) return;
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

/* The button goes round: as the system has it, then the other of the two, then the same. */
function startThemeButton() {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = (mode) => {
    root.dataset.mode = mode;
    root.dataset.theme = mode === "auto" ? (system.matches ? "dark" : "light") : mode;
  };
  system.addEventListener("change", () => apply(root.dataset.mode));
  document.querySelectorAll(".theme-switch-button").forEach((button) => button.addEventListener("click", () => {
    const modes = system.matches ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
    apply(modes[(modes.indexOf(root.dataset.mode) + 1) % modes.length]);
    localStorage.setItem("mode", root.dataset.mode);
  }));
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
markSectionBeingRead(document.querySelectorAll("#pst-page-toc-nav a"));
letWideThingsTakeFocus();
