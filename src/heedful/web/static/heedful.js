// What pages do beyond links and forms. Everything works without it but charts and progress.
(() => {
  "use strict";

  // Filters send themselves; without script there is a button.
  for (const form of document.querySelectorAll("form[data-auto]")) {
    form.addEventListener("change", (event) => {
      if (event.target.name === "grain" && form.elements.period) form.elements.period.disabled = true;
      form.requestSubmit();
    });
    for (const button of form.querySelectorAll("[data-fallback]")) button.hidden = true;
    form.addEventListener("submit", () => {
      // Addresses stay short: what is empty is left out.
      for (const one of form.elements) if (one.name && one.value === "") one.disabled = true;
    });
  }

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Copied";
    });
  }
  for (const button of document.querySelectorAll("[data-confirm]")) {
    button.addEventListener("click", (event) => {
      if (!window.confirm(button.dataset.confirm)) event.preventDefault();
    });
  }

  // The console for SQL runs on Ctrl+Enter; an address that names a folded part opens it.
  for (const box of document.querySelectorAll("textarea[data-run]")) {
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) box.form.requestSubmit();
    });
  }
  for (const hint of document.querySelectorAll("[data-needs-script]")) hint.hidden = false;
  const unfold = () => {
    const part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (part && part.tagName === "DETAILS") part.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();

  // Charts: drawn at the width of their column, with the page's colours, without eval.
  const words = (row, unit) => {
    const number = (value) => (value === null ? "…" : String(value).replace("-", "−"));
    const last = row.until && row.until !== row.at ? ` – ${row.until}` : "";
    return `${row.at}${last}: ${number(row.value)}${unit} (${number(row.low)} to ${number(row.high)}), n ${Number(row.n).toLocaleString("en")}`;
  };
  const draw = (figure) => {
    const place = figure.querySelector(".drawing");
    const spec = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const unit = place.dataset.unit || "";
    let tip = null;
    const tooltip = (_handler, event, _item, value) => {
      if (tip) tip.remove();
      tip = null;
      if (value === null || value === undefined || value.value === undefined) return;
      tip = document.createElement("div");
      tip.className = "tip";
      tip.textContent = value.words || words(value, unit);
      place.append(tip);
      const box = place.getBoundingClientRect();
      const left = Math.min(event.clientX - box.left + 12, box.width - tip.offsetWidth);
      tip.style.left = `${Math.max(0, left)}px`;
      tip.style.top = `${event.clientY - box.top - 34}px`;
    };
    return window.vegaEmbed(place, spec, {
      actions: false, ast: true, defaultStyle: false, renderer: "svg", tooltip,
    }).then(() => { figure.dataset.drawn = ""; });
  };
  const figures = [...document.querySelectorAll("figure[data-chart]")];
  if (figures.length && window.vegaEmbed) Promise.all(figures.map(draw));

  // Long jobs: the page asks how far they are, and comes back when they are done.
  for (const box of document.querySelectorAll("[data-progress]")) {
    const ask = async () => {
      try {
        const answer = await fetch(box.dataset.progress, { headers: { accept: "application/json" } });
        const found = await answer.json();
        if (!found.running) { location.reload(); return; }
        const bar = box.querySelector("progress");
        if (bar && found.all) { bar.max = found.all; bar.value = found.done; }
        const said = box.querySelector("[data-said]");
        if (said) said.textContent = found.says;
      } catch { /* The server may be starting again. */ }
      setTimeout(ask, 1000);
    };
    setTimeout(ask, 1000);
  }
})();
