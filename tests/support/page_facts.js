// What is wrong on a page at its present width and in its present mode, for tests/book/test_browser.py.
part => {
  const column = document.querySelector(".bd-article") ?? document.querySelector("main");
  const seen = [...column.querySelectorAll("*")].filter(e => e.checkVisibility({visibilityProperty: true}));
  const short = e => e.outerHTML.slice(0, 110);
  const css = e => getComputedStyle(e);
  const equation = e => e.closest("mjx-container");

  // Wider than the column, with nothing around it that scrolls or cuts.
  const right = Math.min(column.getBoundingClientRect().right, innerWidth) + 1;
  const held = e => e !== column && (css(e).overflowX !== "visible" || held(e.parentElement));
  const tooWide = e => e.getBoundingClientRect().right > right && !held(e);
  // Scrolls sideways without the line that says so, or cuts what is wider.
  const wider = e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && css(e).overflowX !== "visible"
    && !css(e).display.startsWith("inline");
  const told = e => e.previousElementSibling?.classList.contains("scroll-cue") && e.tabIndex === 0;
  const layout = () => ({
    tooWide: [...seen.filter(tooWide).map(short),
      ...(document.documentElement.scrollWidth > innerWidth + 1 ? ["the page itself"] : [])],
    untold: seen.filter(e => wider(e) && !told(e) && !equation(e)).map(short),
  });

  // Text whose contrast with its ground is below AA.
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const colours = new Map();
  const rgba = text => {
    if (!colours.has(text)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      colours.set(text, [...canvas.getImageData(0, 0, 1, 1).data]);
    }
    return colours.get(text);
  };
  const over = (top, ground) => [0, 1, 2].map(i => (top[i] * top[3] + ground[i] * (255 - top[3])) / 255);
  const grounds = new Map([[null, [255, 255, 255]]]);
  const ground = e => {
    if (!grounds.has(e)) grounds.set(e, over(rgba(css(e).backgroundColor), ground(e.parentElement)));
    return grounds.get(e);
  };
  const light = c => {
    const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = e => {
    const [a, b] = [over(rgba(css(e).color), ground(e)), ground(e)].map(light);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const big = e => parseFloat(css(e).fontSize) >= (css(e).fontWeight >= 700 ? 18.66 : 24);
  const written = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
    && !e.closest("svg, mjx-container, .headerlink");
  const pale = () => ({
    pale: seen.filter(e => written(e) && contrast(e) < (big(e) ? 3 : 4.5))
      .map(e => `${contrast(e).toFixed(2)}: ${short(e)}`),
  });

  // Tables outside folds that a reader does not take in.
  const columns = table => Math.max(...[...table.rows].map(row => row.cells.length));
  const rows = table => table.querySelectorAll("tbody > tr:has(td)").length;
  const large = () => ({
    large: seen.filter(e => e.tagName === "TABLE" && (columns(e) > 7 || rows(e) > 30))
      .map(e => `${columns(e)} x ${rows(e)}: ${short(e)}`),
  });

  // Headers and images without what a screen reader needs.
  const unread = () => ({
    unscoped: seen.filter(e => e.tagName === "TH" && !e.scope).map(short),
    unnamed: seen.filter(e => e.tagName === "IMG" && !e.alt.trim()).map(short),
  });

  // Where the first number ends, below the title.
  const first = () => {
    const texts = document.createTreeWalker(column, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
      const parent = node.parentElement;
      if (!/\d/.test(node.data) || parent.closest("h1, script, style") || !parent.checkVisibility()) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      return range.getBoundingClientRect().bottom + scrollY;
    }
    return null;
  };
  return {layout, pale, unread, large, first}[part]();
}
