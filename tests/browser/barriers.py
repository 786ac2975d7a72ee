"""What axe finds on a page that keeps readers out.

axe takes a few milliseconds for the contrast of one element, and a page of code has
thousands. The contrast follows from the style of the text and of all that lies behind
it, so the first few elements of each such kind stand for the others.

Every other rule sees every element that it could be about. Not so the words of code
that have a colour and nothing else, nor what draws a formula, which is hidden from
those who hear the page: while axe looks, these words are text, and a drawing is a box
of its size.
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
RUN = """
async () => {
  const plain = new Map();
  for (const code of document.querySelectorAll("pre")) {
    const copy = code.cloneNode(true);
    for (const word of copy.querySelectorAll("span:not([data-measured])"))
      if (word.attributes.length <= 1) word.replaceWith(...word.childNodes);
    copy.normalize();
    plain.set(code, copy);
  }
  for (const drawing of document.querySelectorAll("mjx-math[aria-hidden=true]")) {
    const {width, height} = drawing.getBoundingClientRect();
    const box = drawing.cloneNode(false);
    Object.assign(box.style, {width: `${width}px`, height: `${height}px`});
    plain.set(drawing, box);
  }
  for (const [whole, copy] of plain) whole.replaceWith(copy);
  const {violations} = await axe.run({preload: false, resultTypes: ["violations"]});
  for (const [whole, copy] of plain) copy.replaceWith(whole);
  return violations;
}
"""


def barriers(page):
    """Say what axe finds on a page, one line for each rule that is broken."""
    if page.evaluate("!window.axe"):
        page.evaluate(AXE_SCRIPT)
    page.evaluate(CHOOSE, FEW)
    for found in page.evaluate(RUN):
        node = found["nodes"][0]
        checks = node["any"] + node["all"] + node["none"]
        reason = checks[0]["message"] if checks else found["help"]
        yield f"{found['id']}: {len(found['nodes'])} x {node['target']}: {reason}"
