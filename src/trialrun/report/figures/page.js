// Drawings become views that answer to the pointer, once they are seen; without this the page shows them as they are.
(() => {
  const held = document.getElementById("figures");
  if (!held) return;
  const specs = JSON.parse(held.textContent);
  // Expressions are interpreted, never compiled, so that no policy needs to allow unsafe-eval.
  const look = {
    ast: true, mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false,
    tooltip: { disableDefaultStyle: true, theme: "page" },
  };
  const show = async (figure) => {
    const drawing = figure.querySelector(".drawing");
    const place = document.createElement("div");
    place.className = drawing.className;
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", drawing.getAttribute("aria-label"));
    place.hidden = true;
    drawing.after(place);
    try {
      await vegaEmbed(place, specs[figure.dataset.figure], look);
    } catch (error) {
      place.remove();
      return;
    }
    place.querySelector("svg")?.setAttribute("aria-hidden", "true");
    place.hidden = false;
    drawing.remove();
  };
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      show(entry.target);
    }
  }, { rootMargin: "400px" });
  for (const figure of document.querySelectorAll("figure[data-figure]")) {
    if (specs[figure.dataset.figure]) seen.observe(figure);
  }
})();
