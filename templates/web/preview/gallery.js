(() => {
  const pictures = Object.entries(JSON.parse(document.getElementById("pictures").textContent));
  // With scripts on, what stands in <noscript> is text; parsed apart it is a frame that has not begun to load.
  const frameOf = (text) => {
    const frame = new DOMParser().parseFromString(text, "text/html").querySelector("iframe");
    frame.srcdoc = pictures.reduce((html, [path, content]) => html.replaceAll(`"${path}"`, `"${content}"`), frame.srcdoc);
    return document.adoptNode(frame);
  };
  // Mails fill their frames when they come near the screen and leave them when they are far.
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries)
      for (const glass of target.querySelectorAll(".glass:has(noscript)")) {
        const shown = glass.querySelector("iframe");
        if (!isIntersecting) shown?.remove();
        else if (!shown) glass.append(frameOf(glass.querySelector("noscript").textContent));
      }
  }, { rootMargin: "100% 0px" });
  for (const edition of document.querySelectorAll(".edition")) near.observe(edition);
})();
