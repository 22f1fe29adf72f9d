/// The document of `/docs` around its script.
enum DocsHTML {
    static let beforeStyle = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Score Gateway: API</title>
        <link rel="icon" href="data:,">
        <style>
        """

    static let style = """
        :root { color-scheme: light dark; --text: #1c2330; --dim: #5b6578; --line: #d7dce5; --control: #7d8697; --back: #f6f7f9; --card: #fff;
          --get: #1d6fb8; --post: #23803f; --bad: #b3261e; --code: #eef1f5 }
        @media (prefers-color-scheme: dark) { :root { --text: #e6e9ef; --dim: #9aa5b8; --line: #333b4a; --control: #717c90; --back: #12161d;
          --card: #1a202a; --get: #6fb3f2; --post: #6fce8e; --bad: #ff8a80; --code: #232b38 } }
        * { box-sizing: border-box }
        body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back) }
        header, main { max-width: 60rem; margin: 0 auto; padding: 1rem }
        h1 { font-size: 1.6rem; margin: .5rem 0 0 }
        h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; text-transform: capitalize }
        p { margin: .25rem 0 }
        .dim { color: var(--dim) }
        details { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0 }
        summary { padding: .7rem 1rem; cursor: pointer; display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline }
        summary:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible, textarea:focus-visible
          { outline: 3px solid var(--get); outline-offset: 1px }
        .method { font-weight: 700; min-width: 3.2rem; color: var(--get) }
        .method.post { color: var(--post) }
        .path, code, pre, textarea { font-family: ui-monospace, monospace; font-size: .92em; overflow-wrap: anywhere }
        .inside { padding: 0 1rem 1rem; border-top: 1px solid var(--line) }
        h3 { font-size: .95rem; margin: 1rem 0 .25rem }
        label { display: grid; grid-template-columns: minmax(7rem, 12rem) 1fr; gap: .25rem 1rem; margin: .4rem 0; align-items: start }
        input, select, textarea, button { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--control);
          border-radius: .35rem; padding: .35rem .5rem; width: 100% }
        textarea { min-height: 6rem; resize: vertical }
        button { width: auto; padding: .4rem 1.1rem; cursor: pointer; background: var(--get); color: var(--card); border: 0;
          font-weight: 600; margin: .5rem .5rem .5rem 0 }
        pre { background: var(--code); padding: .75rem; border-radius: .35rem; overflow: auto; max-height: 24rem; margin: .25rem 0;
          white-space: pre-wrap }
        ul { margin: .25rem 0; padding-left: 1.2rem }
        .bad { color: var(--bad) }
        @media (max-width: 30rem) { label { grid-template-columns: 1fr } .inside { padding: 0 .7rem .7rem } }
        """

    static let beforeScript = """
        </style>
        </head>
        <body>
        <header>
        <h1 id="title">Score Gateway</h1>
        <p id="summary" class="dim">Reading <a href="openapi.json">openapi.json</a> …</p>
        <noscript><p>This page needs JavaScript. What it shows is in <a href="openapi.json">openapi.json</a>.</p></noscript>
        </header>
        <main id="operations"></main>
        <script type="module">
        """

    static let afterScript = """
        </script>
        </body>
        </html>

        """
}
