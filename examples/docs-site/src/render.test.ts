import { beforeAll, describe, expect, it } from "vitest";
import { openRenderer, type RenderedDocument, type Renderer } from "./render.js";

let renderer: Renderer;

beforeAll(async () => {
  renderer = await openRenderer();
});

function render(markdown: string): RenderedDocument {
  return renderer(markdown, (href) => (href === "./other.md" ? "/project/other" : undefined));
}

describe("what a document's author may not do", () => {
  it.each([
    { given: "a script", markdown: "<script>alert(1)</script>", never: "alert" },
    { given: "a handler", markdown: '<b onclick="alert(1)">bold</b>', never: "onclick" },
    { given: "a script in an address", markdown: "[click](javascript:alert(1))", never: "javascript:" },
    { given: "data in an address", markdown: '<a href="data:text/html,x">click</a>', never: "data:" },
    { given: "a style", markdown: '<p style="position:fixed">text</p>', never: "style" },
    { given: "a frame", markdown: '<iframe src="https://example.com"></iframe>', never: "iframe" },
    { given: "a form", markdown: '<form action="/"><button>Go</button></form>', never: "<form" },
    { given: "a picture of another site", markdown: "![logo](https://example.com/logo.png)", never: "example.com" },
    {
      given: "sources of a picture",
      markdown: '<picture><source srcset="https://a.example/x"></picture>',
      never: "srcset",
    },
    { given: "markup in code", markdown: "```js\n'</code><script>'\n```", never: "<script>" },
    { given: "markup in code of no known language", markdown: "```\n</code><script>\n```", never: "<script>" },
    { given: "an end of what surrounds it", markdown: "text</article></div></main>", never: "</article>" },
  ])("is $given", ({ markdown, never }) => {
    expect(render(markdown).markup).not.toContain(never);
  });
});

describe("what becomes of a document", () => {
  it.each([
    { given: "inline HTML of READMEs", markdown: "press <kbd>x</kbd>", becomes: "<p>press <kbd>x</kbd></p>" },
    {
      given: "an image with a text",
      markdown: "![logo](x.png)",
      becomes: '<p><span class="image">logo</span></p>',
    },
    { given: "an image without one", markdown: "a ![](x.png) b", becomes: "<p>a  b</p>" },
    { given: "a heading", markdown: "## Two words", becomes: '<h2 id="two-words">Two words</h2>' },
    { given: "a heading of an image without a text", markdown: "# ![](x.png)", becomes: "" },
    {
      given: "a link to a heading",
      markdown: "# A\n\n[a](#a)",
      becomes: '<h1 id="a">A</h1>\n<p><a href="#a">a</a></p>',
    },
    {
      given: "a link to a name that the author gave",
      markdown: '<a name="here"></a> [a](#here)',
      becomes: '<p><a name="user-content-here"></a> <a href="#user-content-here">a</a></p>',
    },
    {
      given: "a link to a page of the site",
      markdown: "[o](./other.md)",
      becomes: '<p><a href="/project/other">o</a></p>',
    },
    { given: "a link to a file that is no page", markdown: "[o](./LICENSE)", becomes: "<p><a>o</a></p>" },
    {
      given: "a link elsewhere",
      markdown: "<https://a.example/>",
      becomes: '<p><a href="https://a.example/">https://a.example/</a></p>',
    },
    {
      given: "code",
      markdown: "```js\nlet a;\n```",
      becomes: '<pre tabindex="0"><code class="language-js"><span class="token-keyword">let</span> a;</code></pre>',
    },
    {
      given: "code of no known language",
      markdown: "```nonesuch\na <b>\n```",
      becomes: '<pre tabindex="0"><code class="language-nonesuch">a &#x3C;b></code></pre>',
    },
  ])("is right for $given", ({ markdown, becomes }) => {
    expect(render(markdown).markup).toBe(becomes);
  });

  it("is titled by a first heading of the first level, and by no other", () => {
    expect(render("text\n\n# The *title*\n\n# Another").title).toBe("The title");
    expect(render("## Only a section").title).toBeUndefined();
  });

  it("has its second-level headings for sections, told apart when they read alike", () => {
    expect(render("# T\n\n## Use\n\n### Deeper\n\n## Use").sections).toMatchObject([
      { id: "use", text: "Use" },
      { id: "use-1", text: "Use" },
    ]);
  });

  it("lets a wide table scroll, and be reached without a mouse", () => {
    expect(render("|a|\n|-|\n|1|").markup).toMatch(
      /^<div class="scrolls" role="region" aria-label="Table" tabindex="0"><table>/,
    );
  });
});
