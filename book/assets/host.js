/*
 * Mounts the widgets of a page that has no kernel.
 *
 * An island is <div class="c2a-island" data-widget="name"> with the widget's state as JSON and a picture.
 * The widget's module stands once in the page as text. When an island comes near, the module is imported
 * from that text (which also works on file://) and draws itself where the picture was. If anything goes
 * wrong the picture stays.
 */

const modules = new Map();

function load(name) {
  if (!modules.has(name)) {
    const text = document.querySelector(`script[type="text/x-conv2attn-widget"][data-widget="${name}"]`).textContent;
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    modules.set(name, import(url).finally(() => URL.revokeObjectURL(url)));
  }
  return modules.get(name);
}

/* What anywidget calls a model: named values, and listeners to "change:name" and "change". */
function createModel(state) {
  const listeners = new Map();
  const names = (events) => events.split(/\s+/).filter(Boolean);
  const emit = (event, ...values) => [...(listeners.get(event) ?? [])].forEach((listener) => listener(...values));
  const model = {
    get: (key) => state[key],
    set(key, value) {
      if (state[key] === value) return;
      state[key] = value;
      emit(`change:${key}`, model, value);
      emit("change", model);
    },
    on: (events, listener) => names(events).forEach((event) => {
      if (!listeners.has(event)) listeners.set(event, new Set());
      listeners.get(event).add(listener);
    }),
    off: (events, listener) => (events ? names(events) : [...listeners.keys()]).forEach((event) => {
      if (listener) listeners.get(event)?.delete(listener);
      else listeners.delete(event);
    }),
    save_changes() {},
    send() {},
  };
  return model;
}

async function mount(island) {
  const el = document.createElement("div");
  el.className = "c2a-mounted";
  const abort = new AbortController();
  try {
    const { default: widget } = await load(island.dataset.widget);
    const model = createModel(JSON.parse(island.querySelector(".c2a-state").textContent));
    await widget.initialize?.({ model, signal: abort.signal });
    // In the page but unseen while it draws itself, so that it can measure and a failure leaves no trace.
    el.style.cssText = "visibility: hidden; height: 0; overflow: hidden";
    island.append(el);
    await widget.render({ model, el, signal: abort.signal });
    island.querySelectorAll(":scope > img, :scope > a, :scope > p").forEach((picture) => picture.remove());
    el.removeAttribute("style");
    island.dataset.mounted = "true";
  } catch (error) {
    abort.abort();
    el.remove();
    island.dataset.mounted = "failed";
    console.error(`The widget ${island.dataset.widget} could not start; its picture stays.`, error);
  }
}

const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.unobserve(entry.target);
    mount(entry.target);
  }
}, { rootMargin: "600px" });
document.querySelectorAll(".c2a-island").forEach((island) => near.observe(island));
