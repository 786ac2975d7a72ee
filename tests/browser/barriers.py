"""What axe finds on a page that keeps readers out.

axe takes a few milliseconds for the contrast of one element, and a page of code has
thousands. The contrast follows from the style of the text and of all that lies behind
it, so the first element of each such kind stands for the others, with ``WHOLE=1`` the
first few; and so does the first link of those that look the same in the same text.
Who looks at many pages can pass on what kinds were `known` from those before.

Every other rule sees every element that it could be about. Not so the words of code
that have a colour and nothing else, nor the parts of a formula, which has one for those
who see and one for those who hear it: while axe looks, the words are text, the one is a
box of its size, and the other its letters.
"""

from axe_playwright_python.base import AXE_SCRIPT

from tests.in_rotation import WHOLE

FEW = 3 if WHOLE else 1
OF_COLOURS = ["color-contrast", "link-in-text-block"]  # axe's rules
CHOOSE = """
([few, known]) => {
  const TEXT = ["color", "webkitTextFillColor", "textShadow", "fontSize", "fontWeight"];
  const BEHIND = {backgroundColor: "rgba(0, 0, 0, 0)", backgroundImage: "none",
                  opacity: "1", filter: "none", mixBlendMode: "normal"};
  const IN_PLACE = ["static", "relative"];
  const grounds = Object.entries(BEHIND);
  const painted = style => {
    let paint = IN_PLACE.includes(style.position) ? "" : style.position;
    for (const [name, nothing] of grounds)
      if (style[name] !== nothing) paint += `|${name} ${style[name]}`;
    return paint;
  };
  const drawn = (element, part) => {
    const style = getComputedStyle(element, part);
    return style.content === "none" ? "" : painted(style);
  };
  const speaks = element => element.matches("input, select, textarea, button") ||
    [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  const isShown = element => element.getClientRects().length > 0 &&
    element.checkVisibility({opacityProperty: true, visibilityProperty: true});
  const behind = new Map([[null, ""]]);
  const seen = new Map(known.map(kind => [kind, few]));
  for (const element of document.querySelectorAll(":not(mjx-math *)")) {
    const style = getComputedStyle(element);
    const under = behind.get(element.parentElement) +
      [painted(style), drawn(element, "::before"), drawn(element, "::after")].join("");
    behind.set(element, under);
    element.removeAttribute("data-measured");
    if (!speaks(element)) continue;
    const kind = under + TEXT.map(name => style[name]).join();
    const count = seen.get(kind) ?? 0;
    if (count >= few || !isShown(element)) continue;
    seen.set(kind, count + 1);
    element.setAttribute("data-measured", "");
  }
  const LINK = ["color", "textDecoration", "fontFamily", "fontSize", "fontStyle",
                "fontWeight", "borderBottom", "boxShadow", "backgroundColor"];
  const looks = new Map([[null, ""]]);
  const look = element => {
    if (!looks.has(element)) {
      const style = getComputedStyle(element);
      looks.set(element, LINK.map(name => style[name]).join());
    }
    return looks.get(element);
  };
  for (const link of document.querySelectorAll("a[href]")) {
    const around = [link.parentElement, link, link.firstElementChild];
    const kind = "link: " + around.map(look).join("|");
    const count = seen.get(kind) ?? 0;
    link.removeAttribute("data-compared");
    if (count >= few || !link.checkVisibility()) continue;
    seen.set(kind, count + 1);
    link.setAttribute("data-compared", "");
  }
  axe.configure({rules: [
    {id: "color-contrast", selector: "[data-measured]"},
    {id: "link-in-text-block", selector: "a[href][data-compared]"},
  ]});
  return [...seen.keys()].slice(known.length);
}
"""
# Preloading would fetch style sheets once more, to wrong addresses; only rules on
# the orientation of a phone need it.
RUN = """
async rules => {
  const plain = new Map();
  for (const code of document.querySelectorAll("pre, code:not(pre code)")) {
    const copy = code.cloneNode(true);
    for (const word of copy.querySelectorAll("span:not([data-measured])"))
      if (word.attributes.length <= 1) word.replaceWith(...word.childNodes);
    copy.normalize();
    plain.set(code, copy);
  }
  for (const seen of document.querySelectorAll("mjx-math[aria-hidden=true]")) {
    const {width, height} = seen.getBoundingClientRect();
    const box = seen.cloneNode(false);
    Object.assign(box.style, {width: `${width}px`, height: `${height}px`});
    plain.set(seen, box);
  }
  for (const heard of document.querySelectorAll("mjx-assistive-mml > math")) {
    const letters = heard.cloneNode(false);
    letters.textContent = heard.textContent;
    plain.set(heard, letters);
  }
  for (const [whole, copy] of plain) whole.replaceWith(copy);
  const chosen = rules ? {runOnly: {type: "rule", values: rules}} : {};
  const {violations} = await axe.run(
    {preload: false, resultTypes: ["violations"], ...chosen});
  for (const [whole, copy] of plain) copy.replaceWith(whole);
  return violations;
}
"""


# As axe's own rule has it: the box, or something in it, takes the keyboard.
OUT_OF_REACH = """
() => {
  const scrolls = (size, seen, how) => size > seen + 1 && /auto|scroll/.test(how);
  const takesKeys = part => part.tabIndex >= 0;
  return [...document.querySelectorAll("body *")].filter(box => {
    if (box.scrollWidth <= box.clientWidth && box.scrollHeight <= box.clientHeight)
      return false;
    const {overflowX, overflowY} = getComputedStyle(box);
    return (scrolls(box.scrollWidth, box.clientWidth, overflowX) ||
        scrolls(box.scrollHeight, box.clientHeight, overflowY)) &&
      box.checkVisibility({visibilityProperty: true}) &&
      !takesKeys(box) && ![...box.querySelectorAll("*")].some(takesKeys);
  }).map(box => box.outerHTML.slice(0, 80));
}
"""


def barriers(page, rules=None, known=None):
    """Say what axe finds on a page, one line for each rule that is broken.

    `rules` names those that are asked; None: all that axe asks by itself. `known` is a
    list of the kinds of text and links that were measured before, which need not be
    measured again; those of this page come to it.
    """
    _chosen(page, [] if known is None else known)
    yield from _found(page, rules)


def barriers_of_sight(page, known):
    """Say what another width or mode brings to a page whose other barriers are known.

    That is texts and links of a kind that was not measured before, and boxes that
    scroll out of the keyboard's reach.
    """
    for box in page.evaluate(OUT_OF_REACH):  # before boxes are taken out, and put back
        yield f"scrolls, and the keyboard cannot reach it: {box}"
    if _chosen(page, known):
        yield from _found(page, OF_COLOURS)


def _chosen(page, known):
    """Mark what is to be measured, and give what of that is of a new kind."""
    if page.evaluate("!window.axe"):
        page.evaluate(AXE_SCRIPT)
    new = page.evaluate(CHOOSE, [FEW, known])
    known += new
    return new


def _found(page, rules):
    for found in page.evaluate(RUN, rules):
        node = found["nodes"][0]
        checks = node["any"] + node["all"] + node["none"]
        reason = checks[0]["message"] if checks else found["help"]
        yield f"{found['id']}: {len(found['nodes'])} x {node['target']}: {reason}"
