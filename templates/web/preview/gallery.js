(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const pictures = Object.entries(read("pictures"));
  const mail = (id) => pictures.reduce((html, [path, content]) => html.replaceAll(`"${path}"`, `"${content}"`), read(id));
  // Mails fill their frames when they come near the screen and leave them when they are far.
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries)
      for (const frame of target.querySelectorAll("iframe"))
        if (!isIntersecting) frame.removeAttribute("srcdoc");
        else if (!frame.hasAttribute("srcdoc")) frame.srcdoc = mail(frame.dataset.mail);
  }, { rootMargin: "100% 0px" });
  for (const edition of document.querySelectorAll(".edition")) near.observe(edition);
})();
