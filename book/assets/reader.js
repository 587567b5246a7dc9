/*
 * Quizzes, predictions and what was read: kept in this browser and nowhere else.
 *
 * One key of localStorage holds one object: for each kind, for each page, what is known by its name.
 *   read         section  → true    its end was in view
 *   quiz         question → boolean right at the first try?
 *   predictions  label    → text
 * Where storage is forbidden, full or holds something else, the page works and forgets when it is left.
 */

const reader = (() => {
  const KEY = "conv2attn-progress";
  const VERSION = 1;
  const KINDS = { read: "boolean", quiz: "boolean", predictions: "string" };

  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const entries = (value) => (isObject(value) ? Object.entries(value) : []);
  const mapKinds = (make) => ({
    version: VERSION,
    ...Object.fromEntries(Object.entries(KINDS).map(([kind, type]) => [kind, make(kind, type)])),
  });
  const empty = () => mapKinds(() => ({}));

  /* Text → progress, less what does not belong there. Throws where the whole is something else. */
  function parse(text) {
    let data;
    try {
      data = JSON.parse(text);
    } catch {
      throw new Error("It is not JSON.");
    }
    if (!isObject(data) || data.version !== VERSION) {
      throw new Error(`Progress of version ${VERSION} is expected, this is ${isObject(data) ? `version ${data.version}` : "none"}.`);
    }
    return mapKinds((kind, type) => Object.fromEntries(
      entries(data[kind]).map(([page, known]) => [page, Object.fromEntries(entries(known).filter(([, value]) => typeof value === type))]),
    ));
  }

  /* All that either knows; where both know, `more` is right. */
  function merge(progress, more) {
    return mapKinds((kind) => {
      const pages = Object.keys({ ...progress[kind], ...more[kind] });
      return Object.fromEntries(pages.map((page) => [page, { ...progress[kind][page], ...more[kind][page] }]));
    });
  }

  /* The results of these questions as a line to read. */
  function scoreLine(results, questions) {
    const answered = questions.filter((name) => name in results);
    const right = answered.filter((name) => results[name]).length;
    if (!answered.length) return `${questions.length} questions.`;
    if (answered.length < questions.length) return `${answered.length} of ${questions.length} answered, ${right} right at the first try.`;
    return `${right} of ${questions.length} right at the first try.`;
  }

  /* What was read of a chapter as a line to read. */
  function readLine(read, sections) {
    const done = sections.filter((name) => read[name]).length;
    return done === sections.length ? `Read, all ${done} sections.` : `${done} of ${sections.length} sections read.`;
  }

  let unsaved = null; // what could not be kept lasts as long as the page

  function load() {
    if (unsaved) return unsaved;
    try {
      return parse(localStorage.getItem(KEY));
    } catch {
      return empty();
    }
  }

  /* Keep it; say whether the browser did. */
  function save(progress) {
    const text = JSON.stringify(progress);
    try {
      localStorage.setItem(KEY, text);
      if (localStorage.getItem(KEY) === text) {
        unsaved = null;
        return true;
      }
    } catch { /* forbidden or full */ }
    unsaved = progress;
    return false;
  }

  function erase() {
    unsaved = null;
    try {
      localStorage.removeItem(KEY);
    } catch { /* forbidden: nothing is there */ }
  }

  const known = (kind, page) => load()[kind][page] ?? {};
  const keep = (kind, page, more) => save(merge(load(), { ...empty(), [kind]: { [page]: more } }));
  const forget = (kind, page) => save({ ...load(), [kind]: { ...load()[kind], [page]: {} } });

  return { parse, merge, scoreLine, readLine, load, save, erase, known, keep, forget };
})();

{
  const { page } = document.currentScript.dataset;
  const NOT_KEPT = "This browser keeps nothing for this page: it lasts until you leave.";
  const words = (text) => text.split(" ").filter(Boolean);

  const startQuiz = (quiz) => {
    const forms = [...quiz.querySelectorAll("form")];
    const output = quiz.querySelector("output");
    const showScore = () => {
      output.textContent = reader.scoreLine(reader.known("quiz", page), forms.map((form) => form.dataset.question));
    };
    quiz.addEventListener("submit", (event) => {
      event.preventDefault();
      const form = event.target;
      const chosen = form.querySelector(":checked");
      const explanations = form.querySelectorAll("[role=status] > div");
      explanations.forEach((explanation, place) => { explanation.hidden = place !== Number(chosen.value); });
      const right = "right" in explanations[chosen.value].dataset;
      chosen.closest("label").dataset.verdict = right ? "right" : "not this one";
      const { question } = form.dataset;
      if (!(question in reader.known("quiz", page))) reader.keep("quiz", page, { [question]: right });
      showScore();
    });
    quiz.querySelector(".quiz-score button").addEventListener("click", () => {
      reader.forget("quiz", page);
      for (const form of forms) {
        form.reset();
        form.querySelectorAll("[data-verdict]").forEach((option) => { delete option.dataset.verdict; });
        form.querySelectorAll("[role=status] > div").forEach((explanation) => { explanation.hidden = true; });
      }
      showScore();
    });
    showScore();
  };

  const startPrediction = (note) => {
    const form = note.querySelector("form");
    const status = form.querySelector("[role=status]");
    const fold = note.nextElementSibling.querySelector("details");
    const beside = document.createElement("p");
    beside.className = "predicted";

    const show = (prediction) => {
      const choice = [...form.elements].find((field) => field.type === "radio" && field.value === prediction);
      if (choice) choice.checked = true;
      else if (form.elements.prediction.type === "text") form.elements.prediction.value = prediction;
      // A choice may hold a formula: show it as it is drawn.
      beside.replaceChildren("You predicted: ", choice ? choice.nextElementSibling.cloneNode(true) : prediction);
      fold.querySelector("summary").after(beside);
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const prediction = form.elements.prediction.value.trim();
      if (!prediction) return form.elements.prediction.focus();
      const kept = reader.keep("predictions", page, { [note.id]: prediction });
      show(prediction);
      fold.open = true;
      status.textContent = kept ? "Kept. The output is open below." : NOT_KEPT;
    });
    const before = reader.known("predictions", page)[note.id];
    if (before !== undefined) {
      show(before);
      status.textContent = "Kept from before.";
    }
  };

  /* A section is read when the reader, scrolling down, meets what comes after it: the next heading, or the page's
     end. A heading at the top of the window does not count: a reader who jumps to it has not read what is above. */
  const watchReading = () => {
    const headings = [...document.querySelectorAll("article > section > section > h2")];
    const before = new Map(headings.map((heading, place) => [headings[place + 1] ?? document.querySelector(".prev-next-footer"), heading.parentElement.id]));
    const observer = new IntersectionObserver((seen) => {
      for (const { isIntersecting, target } of seen) {
        if (!isIntersecting) continue;
        observer.unobserve(target);
        reader.keep("read", page, { [before.get(target)]: true });
      }
    }, { rootMargin: "-25% 0px 0px" });
    const read = reader.known("read", page);
    for (const [end, section] of before) if (end && !read[section]) observer.observe(end);
  };

  const startContents = (tools) => {
    const status = tools.querySelector("[role=status]");
    const file = tools.querySelector("input");
    const chapters = document.querySelectorAll("[data-chapter]");
    const show = () => {
      for (const chapter of chapters) {
        const { chapter: name, sections, questions } = chapter.dataset;
        const [read, quiz] = chapter.querySelectorAll("[data-shown]");
        const known = reader.known("read", name);
        chapter.querySelector("progress").value = words(sections).filter((section) => known[section]).length;
        read.textContent = reader.readLine(known, words(sections));
        if (quiz) quiz.textContent = `Quiz: ${reader.scoreLine(reader.known("quiz", name), words(questions))}`;
      }
    };
    const actions = {
      save() {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([JSON.stringify(reader.load(), null, 1)], { type: "application/json" }));
        link.download = "convolution-to-attention-progress.json";
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href));
        return "Saved to a file.";
      },
      load() {
        file.click();
        return "";
      },
      erase() {
        if (!confirm("Erase what you read, your quiz results and your predictions from this browser?")) return "Nothing is erased.";
        reader.erase();
        show();
        return "Erased.";
      },
    };
    tools.addEventListener("click", ({ target }) => {
      const action = actions[target.dataset.action];
      if (action) status.textContent = action();
    });
    file.addEventListener("change", async () => {
      try {
        const kept = reader.save(reader.merge(reader.load(), reader.parse(await file.files[0].text())));
        status.textContent = kept ? "Loaded." : NOT_KEPT;
      } catch (error) {
        status.textContent = `This file is not loaded. ${error.message}`;
      }
      file.value = ""; // the same file may be chosen again
      show();
    });
    addEventListener("storage", show);
    addEventListener("pageshow", show); // also when the reader comes back to it
  };

  document.querySelectorAll(".quiz").forEach(startQuiz);
  document.querySelectorAll(".predict").forEach(startPrediction);
  document.querySelectorAll(".progress-tools").forEach(startContents);
  if (page.startsWith("chapters/")) watchReading();
}
