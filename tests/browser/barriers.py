"""What axe finds on a page that keeps readers out.

axe takes a few milliseconds for the contrast of one element, and a page of code has
thousands. The contrast follows from the style of the text and of all that lies behind
it, so the first few elements of each such kind stand for the others. Every other rule
sees every element.
"""

from axe_playwright_python.base import AXE_SCRIPT

FEW = 3
CHOOSE = """
few => {
  const TEXT = ["color", "webkitTextFillColor", "textShadow", "fontSize", "fontWeight"];
  const BEHIND = ["backgroundColor", "backgroundImage", "opacity", "filter",
                  "mixBlendMode", "position"];
  const listed = (style, names) => names.map(name => style[name]).join();
  const drawn = (element, part) => {
    const style = getComputedStyle(element, part);
    return style.content === "none" ? "" : listed(style, BEHIND);
  };
  const speaks = element => element.matches("input, select, textarea, button") ||
    [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  const isShown = element => element.getClientRects().length > 0 &&
    element.checkVisibility({opacityProperty: true, visibilityProperty: true});
  const behind = new Map([[null, ""]]), seen = new Map();
  for (const element of document.querySelectorAll("*")) {
    const style = getComputedStyle(element);
    const under = [behind.get(element.parentElement), listed(style, BEHIND),
                   drawn(element, "::before"), drawn(element, "::after")].join("|");
    behind.set(element, under);
    element.removeAttribute("data-measured");
    if (!speaks(element) || !isShown(element)) continue;
    const kind = under + listed(style, TEXT), count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    element.toggleAttribute("data-measured", count <= few);
  }
  axe.configure({rules: [{id: "color-contrast", selector: "[data-measured]"}]});
}
"""
# Preloading would fetch style sheets once more, to wrong addresses; only rules on
# the orientation of a phone need it.
RUN = "axe.run({preload: false, resultTypes: ['violations']})"


def barriers(page):
    """Say what axe finds on a page, one line for each rule that is broken."""
    if page.evaluate("!window.axe"):
        page.evaluate(AXE_SCRIPT)
    page.evaluate(CHOOSE, FEW)
    for found in page.evaluate(RUN)["violations"]:
        node = found["nodes"][0]
        checks = node["any"] + node["all"] + node["none"]
        reason = checks[0]["message"] if checks else found["help"]
        yield f"{found['id']}: {len(found['nodes'])} x {node['target']}: {reason}"
