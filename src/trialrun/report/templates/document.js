"use strict";
// How a number was made: a panel that opens when one is asked about. What it says is data of this page.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const words = read("words");
  const panel = document.getElementById("how");
  const body = document.getElementById("how-body");
  const FEW = 20; // rows shown at first
  let held = null; // the results, read when the first number is asked about
  let asked = null; // the number that the panel is about

  const node = (tag, ...inside) => {
    const made = document.createElement(tag);
    made.append(...inside);
    return made;
  };
  const named = (group, name) => words[group][name] ?? name.replaceAll("_", " ");
  const plain = (value) => (typeof value === "number" ? String(value).replace("-", "−").replace(".", words.decimal) : String(value));
  const hex = (letters) =>
    letters.trim() ? Array.from(atob(letters + "="), (one) => one.charCodeAt(0).toString(16).padStart(2, "0")).join("") : "–";

  const terms = (pairs) => {
    const list = node("dl");
    for (const [term, said] of pairs) list.append(node("dt", term), node("dd", said));
    return list;
  };

  // A parameter: words in the language of the page, a list, further terms, or what it is.
  const parameter = (value) => {
    if (value === null || typeof value !== "object") return plain(value ?? "–");
    if (Array.isArray(value)) return value.every((one) => typeof one !== "object") ? value.map(plain).join(", ") : node("span", ...value.map(parameter));
    if (typeof value.en === "string") return value[words.language] ?? value.en;
    const pairs = Object.entries(value);
    return pairs.length ? terms(pairs.map(([key, one]) => [named("keys", key), parameter(one)])) : "–";
  };

  const couples = (flat, make) => flat.flatMap((one, place) => (place % 2 ? [] : [make(one, flat[place + 1])]));

  const numbersOf = (ranges) => {
    const numbers = [];
    let place = 0;
    couples(ranges, (gap, many) => {
      place += gap;
      for (let end = place + many; place < end; place += 1) numbers.push(place);
    });
    return numbers;
  };

  // "participant:001#55,participant:001#56" is told as "participant:001 #55, #56".
  const source = (text) => {
    const chains = new Map();
    for (const one of (text ?? "").split(",").filter(Boolean)) {
      const cut = one.lastIndexOf("#");
      const chain = cut < 0 ? one : one.slice(0, cut);
      chains.set(chain, [...(chains.get(chain) ?? []), ...(cut < 0 ? [] : [one.slice(cut)])]);
    }
    return [...chains].map(([chain, places]) => `${chain} ${places.join(", ")}`).join("; ");
  };

  const fields = (table, places) => {
    const value = ([values, at], place) => values[at.length ? at[place] : 0];
    return Object.entries(table?.columns ?? {})
      .map(([name, column]) => [name, places.map((place) => value(column, place))])
      .filter(([, values]) => values.some((one) => one !== null));
  };

  const rowsOf = (table, first, numbers) => {
    const columns = fields(table, numbers.map((number) => number - first));
    const head = node("tr", node("th", words.row), ...columns.map(([name]) => node("th", name)));
    for (const one of head.children) one.scope = "col";
    const made = node("tbody");
    numbers.forEach((number, place) => {
      const name = node("th", held.rows.id[number], node("small", `${words.source} ${source(held.rows.src[number])}`));
      name.scope = "row";
      made.append(node("tr", name, ...columns.map(([, values]) => node("td", values[place] === null ? "" : plain(values[place])))));
    });
    const box = node("div", node("table", node("caption", table?.name ?? words.rows), node("thead", head), made));
    box.className = "scroll";
    box.tabIndex = 0;
    return box;
  };

  // The rows, in the tables that they stand in, which follow each other.
  const behind = (numbers) => {
    const made = [];
    let first = 0;
    for (const table of held.rows.tables.length ? held.rows.tables : [{ rows: held.rows.id.length }]) {
      const own = numbers.filter((number) => number >= first && number < first + table.rows);
      if (own.length) made.push(rowsOf(table, first, own));
      first += table.rows;
    }
    return made;
  };

  const rowsShown = (numbers) => {
    const part = node("div", ...behind(numbers.slice(0, FEW)));
    if (numbers.length > FEW) {
      const more = node("button", `${words.all} (${numbers.length})`);
      more.className = "more";
      more.addEventListener("click", () => part.replaceChildren(...behind(numbers)));
      part.append(more);
    }
    return part;
  };

  const about = (button, place) => {
    const [method, parameters, statistics, set] = held.cells[place];
    const [name, version] = held.methods[method].split("/");
    const numbers = numbersOf(held.sets[set]);
    const where = button.closest("section")?.querySelector("h2, h3, h4, h5, h6")?.textContent;
    const line = [...(button.closest("tr")?.querySelectorAll("th[scope=row]") ?? [])].map((one) => one.textContent);
    const head = node("p", ...(where ? [node("span", [where, ...line].filter(Boolean).join(" · "))] : []), node("strong", button.textContent.trim()));
    head.className = "asked";
    const code = (text) => node("code", text);
    return [
      head,
      node("h3", words.values),
      terms(couples(statistics, (key, value) => [named("statistics", held.statistics[key]), Array.isArray(value) ? `${words.none} ${value[0]}` : plain(value)])),
      node("h3", words.method),
      terms([
        [words.method, `${named("methods", name)} (${name}, ${words.version} ${version ?? "–"})`],
        ...couples(parameters, (key, value) => [named("keys", held.keys[key]), parameter(held.values[value])]),
        [words.inputs, code(hex(held.inputs.slice(43 * place, 43 * place + 43)))],
        [words.result, code(hex(held.ids.slice(43 * place, 43 * place + 43)))],
      ]),
      node("h3", `${words.rows} (${numbers.length})`),
      numbers.length ? rowsShown(numbers) : node("p", words.nothing),
    ];
  };

  const open = (button) => {
    held ??= read("results");
    asked?.classList.remove("asked");
    asked = button;
    asked.classList.add("asked");
    body.replaceChildren(...about(button, Number(button.dataset.n)));
    if (!panel.open) panel.show();
    body.scrollTop = 0;
    asked.scrollIntoView({ block: "nearest", inline: "nearest" });
    document.getElementById("how-close").focus({ preventScroll: true });
  };

  const close = () => {
    panel.close();
    asked?.classList.remove("asked");
    asked?.focus();
  };

  // In a table one number is a stop of the Tab key; arrows lead to the others.
  const step = (button, key) => {
    const row = button.closest("tr");
    const cell = button.parentElement;
    const along = { ArrowLeft: "previousElementSibling", ArrowRight: "nextElementSibling" }[key];
    const across = { ArrowUp: "previousElementSibling", ArrowDown: "nextElementSibling" }[key];
    let next = along ? cell : row;
    do {
      next = next[along ?? across];
    } while (next && !(along ? next : next.children[cell.cellIndex])?.querySelector("button"));
    return (along ? next : next?.children[cell.cellIndex])?.querySelector("button");
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-n]");
    if (button) open(button);
  });
  document.getElementById("how-close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel.open) close();
    const button = event.target.closest?.("td > button[data-n]");
    const next = button && event.key.startsWith("Arrow") ? step(button, event.key) : null;
    if (next) {
      event.preventDefault();
      next.tabIndex = 0;
      next.focus();
    }
  });
  document.addEventListener("focusin", (event) => {
    const table = event.target.closest?.("td > button[data-n]")?.closest("table");
    if (!table) return;
    if (table.now) table.now.tabIndex = -1;
    else for (const one of table.querySelectorAll("td > button")) one.tabIndex = -1;
    table.now = event.target;
    event.target.tabIndex = 0;
  });
  document.documentElement.classList.add("asking");
  document.querySelector(".hint").hidden = false;
})();
