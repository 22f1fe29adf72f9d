/// The page's HTML, around the style, the script and the one thing known at start.
enum PageHTML {
    static let beforeReporterURL = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="reporter-url" content="
        """#

    static let beforeStyle = #"""
        ">
        <title>Live scores</title>
        <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%230b7a63'/%3E%3Cpath d='M4 12V8m4 4V4m4 8V6' stroke='white' stroke-width='2' stroke-linecap='round'/%3E%3C/svg%3E">
        <style>
        """#

    static let beforeForm = #"""
        </style>
        </head>
        <body>
        <header>
        <h1>Live scores</h1>
        <p id="state" role="status" data-state="connecting">Connecting…</p>
        <dl>
        <div><dt>Seen</dt><dd id="count">0</dd></div>
        <div><dt>Per second</dt><dd id="rate">0</dd></div>
        </dl>
        <button id="pause" type="button" aria-pressed="false">Pause</button>
        </header>
        <main>
        <aside>
        <section id="top" aria-labelledby="top-title" hidden>
        <h2 id="top-title">Best</h2>
        <ol id="best"></ol>
        </section>
        """#

    /// Where scores are taken by the same process: a score to try it with.
    static let form = #"""

        <form id="post">
        <h2>Post a score</h2>
        <label>Player <input name="user" required maxlength="255" autocomplete="off"></label>
        <label>Score <input name="score" required inputmode="numeric" autocomplete="off"></label>
        <button>Post</button>
        <output></output>
        </form>
        """#

    static let beforeScript = #"""

        </aside>
        <div>
        <noscript><p class="note">The scores come in through a script, and scripts are off.</p></noscript>
        <p id="away" hidden></p>
        <table>
        <caption>The newest scores, newest first</caption>
        <thead><tr><th scope="col">Player</th><th scope="col">Score</th><th scope="col">Time</th></tr></thead>
        <tbody id="scores"></tbody>
        </table>
        <p class="note" id="empty">No scores yet. They appear here as they come.</p>
        </div>
        </main>
        <script type="module">
        """#

    static let afterScript = #"""
        </script>
        </body>
        </html>

        """#
}
