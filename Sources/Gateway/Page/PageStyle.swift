/// The page's style sheet: readable from afar and on a phone, light and dark as the reader's system is.
enum PageStyle {
    static let css = #"""

        :root {
          color-scheme: light dark;
          --ground: #fbfbf9; --text: #1c1e21; --quiet: #5d636b; --line: #e3e4e1; --control: #80868e; --fresh: #cfeee3;
          --live: #0b7a63; --wait: #8a5a00; --lost: #b3261e;
          --edge: clamp(0.4rem, 3vw, 2rem);
          font: clamp(1rem, 0.72rem + 0.75vw, 1.9rem)/1.4 system-ui, sans-serif;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #131518; --text: #e9eaec; --quiet: #a0a6ae; --line: #2b2f34; --control: #727880; --fresh: #154438;
            --live: #4fd1ae; --wait: #f0b656; --lost: #ff8a80;
          }
        }
        * { box-sizing: border-box; margin: 0; }
        body { background: var(--ground); color: var(--text); }
        header, main { max-width: 66rem; margin: 0 auto; padding-inline: var(--edge); }
        main { display: grid; grid-template-columns: minmax(0, 1fr) 16rem; gap: 0 2.5rem; align-items: start; }
        aside {
          order: 2; position: sticky; top: 4.5rem; padding: 0.3rem 0.4rem;
          max-height: calc(100vh - 4.5rem); overflow-y: auto; scrollbar-width: thin;
        }
        h2 { font-size: 0.75rem; font-weight: 500; color: var(--quiet); margin-bottom: 0.3rem; }
        ol { list-style: none; padding: 0; margin-bottom: 1.6rem; }
        li { display: flex; justify-content: space-between; gap: 1rem; padding: 0.28rem 0; }
        li bdi { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
        li b { font-weight: 600; font-variant-numeric: tabular-nums; }
        form { display: grid; gap: 0.5rem; font-size: 0.85rem; }
        form label { display: grid; gap: 0.15rem; color: var(--quiet); }
        input {
          font: inherit; color: var(--text); background: transparent; padding: 0.35rem 0.5rem; width: 100%;
          border: 1px solid var(--control); border-radius: 0.5rem;
        }
        input:focus-visible { outline: 2px solid var(--live); outline-offset: 1px; }
        output { color: var(--quiet); overflow-wrap: anywhere; min-height: 1.4em; }
        output.bad { color: var(--lost); }
        header {
          position: sticky; top: 0; z-index: 1; background: var(--ground);
          display: flex; flex-wrap: wrap; align-items: center; gap: 0.35rem 1.2rem;
          padding: 0.8rem calc(var(--edge) + 0.4rem) 0.6rem;
        }
        h1 { font-size: 1.35rem; font-weight: 650; letter-spacing: -0.01em; }
        #state { display: flex; align-items: center; gap: 0.45rem; font-size: 0.9rem; color: var(--lost); }
        #state::before { content: ""; width: 0.6rem; height: 0.6rem; border-radius: 50%; background: currentColor; }
        #state[data-state="live"] { color: var(--live); }
        #state[data-state="connecting"] { color: var(--wait); }
        dl { display: flex; gap: 1.2rem; margin-left: auto; }
        dl div { display: flex; flex-direction: column-reverse; text-align: right; min-width: 4.2rem; }
        dt { font-size: 0.75rem; color: var(--quiet); }
        dd { font-weight: 600; line-height: 1.2; font-variant-numeric: tabular-nums; }
        button {
          font: inherit; font-size: 0.85rem; min-width: 6rem; padding: 0.4rem 0.8rem; border-radius: 0.5rem;
          border: 1px solid var(--control); background: transparent; color: inherit; cursor: pointer;
        }
        button:hover { border-color: var(--quiet); }
        button:focus-visible { outline: 2px solid var(--live); outline-offset: 2px; }
        button[aria-pressed="true"] { background: var(--text); color: var(--ground); }
        table { width: 100%; table-layout: fixed; border-collapse: collapse; }
        caption {
          position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
        }
        th { font-size: 0.75rem; font-weight: 500; color: var(--quiet); padding: 0.3rem 0.4rem; text-align: left; }
        th:nth-child(2) { width: 8.6rem; }  /* -2147483648, whole: a score cut short is another score */
        th:nth-child(3) { width: 9.2rem; }
        td { padding: 0.45rem 0.4rem; border-top: 1px solid var(--line); vertical-align: top; overflow: clip; }
        td div {
          overflow: hidden; overflow-wrap: anywhere; unicode-bidi: isolate;
          display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3;
        }
        th:nth-child(n+2), td:nth-child(n+2) { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        td:nth-child(2) { font-weight: 600; }
        td:nth-child(3) { color: var(--quiet); font-size: 0.8rem; line-height: 1.75; }
        #away { padding: 0.3rem 0.4rem 0.6rem; font-size: 0.85rem; color: var(--wait); }
        .note { padding: 2rem 0.4rem; color: var(--quiet); }
        .fresh { animation: fresh 2s ease-out; }
        @keyframes fresh { from { background: var(--fresh); } }
        @media (max-width: 60rem) {
          main { display: block; }
          aside { position: static; max-height: none; overflow-y: visible; }
          li:nth-child(n+4) { display: none; }
          ol { margin-bottom: 0.8rem; }
          form { grid-template-columns: 1fr 8rem auto; align-items: end; margin-bottom: 0.8rem; }
          form h2, output { grid-column: 1 / -1; margin: 0; }
          output:empty { display: none; }
        }
        @media (max-width: 40rem) {
          form { grid-template-columns: 1fr 1fr; }
          form button { grid-column: 1 / -1; }
          dl { margin-left: 0; margin-right: auto; }
          dl div { text-align: left; }
          #state { margin-left: auto; }
        }
        @media (max-width: 30rem) { th:nth-child(3), td:nth-child(3) { display: none; } }
        @media (forced-colors: active) {
          button[aria-pressed="true"] {
            forced-color-adjust: none; background: Highlight; color: HighlightText; border-color: HighlightText;
          }
        }
        @media (prefers-reduced-motion: reduce) { .fresh { animation: none; } }

        """#
}
