// Swagger UI, in the system's colours, and with names for what it leaves without.
const dark = matchMedia("(prefers-color-scheme: dark)");
const followSystem = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followSystem);
followSystem();

const page = document.getElementById("docs");

// Theirs is a link, within the button that opens an operation: a control may not contain another.
const plainPaths = ({ React }) => ({ components: { DeepLink: ({ text }) => React.createElement("span", null, text) } });

// The admin's session needs the token with each write; a key or a token does not.
const addToken = (request) => {
  const isOurs = new URL(request.url, location.href).origin === location.origin;
  if (isOurs && !["GET", undefined].includes(request.method)) {
    request.headers["X-CSRFToken"] = page.dataset.csrfToken;
  }
  return request;
};

const nameOf = (element) => {
  if (element.matches(".close-modal")) return "Close";
  const parameter = element.closest("tr[data-property-name], tr[data-param-name]");
  return parameter?.dataset.propertyName ?? parameter?.dataset.paramName ?? "Request body";
};
const addNames = () => {
  for (const element of page.querySelectorAll("select, textarea, input, .close-modal")) {
    if (!element.ariaLabel && !element.labels?.length) element.ariaLabel = nameOf(element);
  }
  // Long lines are scrolled into view, with the keyboard too.
  for (const element of page.querySelectorAll("pre.microlight, .highlight-code > pre, .curl")) element.tabIndex = 0;
};
new MutationObserver(addNames).observe(page, { childList: true, subtree: true });

SwaggerUIBundle({
  url: page.dataset.schema,
  domNode: page,
  deepLinking: true,
  filter: true,
  plugins: [plainPaths],
  requestInterceptor: addToken,
});
