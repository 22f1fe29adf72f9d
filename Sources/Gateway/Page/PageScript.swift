/// The page's script.
enum PageScript {
    static let javaScript = #"""

        // Messages come in at any pace; what the page shows of them is put into the table once a frame.
        //
        //     WebSocket ──▶ arrived() ──▶ queue (the newest rows only) ──▶ render(), once a frame ──▶ table
        //                      └──▶ count, rate, ids

        const ROWS = 500;                 // shown; and waiting for a frame, which a hidden page does not get
        const SEEN = 20_000;              // ids remembered at least, to drop what comes twice: more than a feed repeats
        const FRESH = 10;                 // more rows a second than this are no news but a flood: no highlight
        const REST_LIMIT = 250;           // ms
        const RATE_WINDOW = 5_000;        // ms
        const CONNECT_LIMIT = 10_000;     // ms
        const RETRY_FIRST = 500;          // ms, doubled with each failure
        const RETRY_LIMIT = 15_000;       // ms
        const BEST = 8;                   // shown in the list of the best
        const PLAYERS = 2_000;            // remembered for it; beyond, the lower half is forgotten
        const STALE = 30_000;             // ms without a message, after which a page that was hidden connects anew
        const SILENT = 60_000;            // ms without one, after which any asks for the newest: a dead line does not say so
        const AWAY = 180_000;             // ms without one, after which the page does not ask for all that it missed
        const CATCH_UP = 30_000;          // ms in which old scores are taken for what was missed, not for a clock's mistake
        const SETTLED = 3_000;            // ms open, after which a feed works that has nothing to say
        const SLOW = 1_000;               // ms of connecting, after which the page says so

        const element = (id) => document.getElementById(id);
        const [table, state, count, rate, empty, away, pause, top, best, form] =
          ["scores", "state", "count", "rate", "empty", "away", "pause", "top", "best", "post"].map(element);
        const sameDay = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
        const otherDay = new Intl.DateTimeFormat(undefined,
          { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });

        // The feed

        let socket = null;
        let failures = 0;
        let timers = [];                  // of the socket, or of the next one
        let openedAt = 0;                 // on the wall clock, which goes on while the machine sleeps
        let heardAt = 0;                  // the last message, or the feed worked without one
        let probedAt = 0;                 // when another line was asked last
        let isLive = false;               // past what is sent at first, whose pace is not the players'
        let isRepeating = false;          // in what a resumed feed sends at first
        let newest = null;                // the highest id, of the store as it is now
        let oldest = null;                // the lowest
        let latest = "";                  // when the one was created that was created last
        let awaySince = 0;                // after a long absence, until a snapshot says whether something was missed
        let resumed = null;               // the highest when the feed was resumed, until a higher one comes
        let seen = new Map();             // ids, and what came without one; when each was created
        let seenBefore = new Map();       // the same, of those before

        function address(name, value) {
          const reporter = document.querySelector("meta[name=reporter-url]").content;
          const base = reporter ? reporter.replace(/\/*$/, "/") : document.baseURI;
          const url = new URL(`ws/${Date.now()}`, base);
          url.protocol = url.protocol.replace("http", "ws");
          if (value !== null) url.searchParams.set(name, value);
          return url;
        }

        function connect() {
          disconnect();
          // After a night, all that was missed would take long, and what is new would wait behind it.
          if (newest !== null && awaySince === 0 && Date.now() - heardAt > AWAY) awaySince = heardAt;
          const opening = socket = new WebSocket(address("after", awaySince > 0 ? null : newest));
          later(SLOW, () => show("connecting", total === 0 ? "Connecting…" : "Connecting again…"));
          later(CONNECT_LIMIT, () => opening.close());
          opening.onopen = () => {
            clearTimers();
            later(SETTLED, settled);
            isLive = false;
            openedAt = Date.now();
            isRepeating = newest !== null;
            resumed = newest;
            if (!isRepeating) forget();   // what follows is a snapshot of everything
          };
          opening.onmessage = (event) => arrived(event.data);
          opening.onclose = () => {
            if (socket === opening) retry();
          };
        }

        // The feed works: one that only opens, and closes again, is asked ever more rarely.
        function settled() {
          clearTimers();
          failures = 0;
          heardAt = Date.now();
          show("live", "Live");
        }

        // Lets go of the socket; what it still has to say is not heard.
        function disconnect() {
          clearTimers();
          const old = socket;
          socket = null;
          if (!old) return;
          old.onopen = old.onmessage = old.onclose = null;
          old.close();
        }

        function retry() {
          disconnect();
          const limit = Math.min(RETRY_LIMIT, RETRY_FIRST * 2 ** failures++);
          later(limit * (0.5 + Math.random() / 2), connect);
          show("lost", "Connection lost, trying again");
        }

        function later(delay, action) {
          timers.push(setTimeout(action, delay));
        }

        function clearTimers() {
          timers.forEach(clearTimeout);
          timers = [];
        }

        function isSilent(limit) {
          return socket?.readyState === WebSocket.OPEN && Date.now() - Math.max(openedAt, heardAt, probedAt) > limit;
        }

        // A page that comes back, from the background or to a network, does not wait for its timer.
        document.addEventListener("visibilitychange", () => {
          if (!document.hidden && (!socket || isSilent(STALE))) connect();
        });
        addEventListener("online", connect);

        // Nor does it trust a line that says nothing. To resume would cost thousands of scores each time, so another
        // connection is asked for the newest one: when that is no news, the line is as good as any. A machine that slept has
        // none that lives.
        let tickedAt = Date.now();
        setInterval(() => {
          const slept = Date.now() - tickedAt > STALE;
          tickedAt = Date.now();
          if (document.hidden) return;
          if (slept && isSilent(STALE)) connect(); else if (isSilent(SILENT)) probe();
        }, 1000);

        function probe() {
          if (newest === null) return connect();
          const [doubted, highest] = [socket, newest];
          const other = new WebSocket(address("history", 1));
          const ends = (isDead) => {
            clearTimeout(limit);
            other.onclose = null;
            other.close();
            if (isDead && socket === doubted && newest === highest) connect();
          };
          // When nothing comes on it the store is empty; when it does not open the network is away.
          const limit = setTimeout(() => ends(other.readyState !== WebSocket.OPEN), CONNECT_LIMIT);
          probedAt = Date.now();
          other.onclose = () => ends(true);
          other.onmessage = ({ data }) => {
            other.onmessage = null;
            let score;
            try { score = JSON.parse(data); } catch { return; }
            // What is news may be on its way on the line in doubt.
            setTimeout(() => ends(score?.id !== highest), SETTLED);
          };
        }

        function show(name, text) {
          if (state.dataset.state !== name) state.dataset.state = name;
          if (state.textContent !== text) state.textContent = text;
        }

        // A message

        let total = 0;
        let live = 0;
        let queue = [];
        let isScheduled = false;

        function arrived(data) {
          let score;
          try { score = JSON.parse(data); } catch { return; }
          if (typeof score?.user !== "string" || typeof score.score !== "number") return;
          const now = Date.now();
          if (!isLive && isNews(score, now)) {
            isLive = true;
            isRepeating = false;
          }
          heardAt = now;
          if (timers.length > 0) settled();
          if (!remember(score, data)) return;
          total += 1;
          if (isLive) live += 1;
          score.isFresh = isLive;
          note(score);
          queue.push(score);
          if (queue.length >= 2 * ROWS) queue = queue.slice(-ROWS);
          schedule();
        }

        // What is sent at first ends with a score that was created after the opening, where the two clocks agree, or behind
        // a pause.
        function isNews({ created_at: created = "" }, now) {
          if (heardAt > openedAt && now - heardAt > 300) return true;
          const wait = created === "" || created > new Date(openedAt).toISOString() ? 2_000 : CATCH_UP;
          return now - openedAt > wait;
        }

        // A snapshot of the newest scores reaches back to what the page has, or not.
        function tellAbsence(lowest) {
          if (lowest > newest) {
            const [from, to] = [awaySince, Date.now()].map((time) => otherDay.format(time));
            away.textContent = `This page was away from ${from} to ${to}. It goes on from the newest scores.`;
            away.hidden = false;
          }
          awaySince = 0;
        }

        // Whether it is new. A resumed feed begins with what may have come late, and so with more than this page ever had:
        // what is below all its ids was stored before it was opened. Scores of the replaced services may have no id: two
        // of them may be equal, but not in what a resumed feed repeats.
        //
        // A store that was emptied or restored gives ids once more. Its scores are told by when they were created.
        function remember({ id, created_at: created = "" }, data) {
          const hasID = typeof id === "number";
          const isLatest = created > latest;
          if (hasID && awaySince > 0) tellAbsence(id);
          if (hasID && resumed !== null) {
            if (id > resumed) resumed = null;
            else if (id < oldest && !isLatest) return false;
          }
          const key = hasID ? id : data;
          const known = seen.get(key) ?? seenBefore.get(key);
          // The replaced services do not say when.
          const isDouble = known !== undefined && (known === created || known === "" || created === "");
          if (isDouble && (hasID || isRepeating)) return false;
          seen.set(key, created);
          if (seen.size >= SEEN) [seenBefore, seen] = [seen, new Map()];
          if (isLatest) latest = created;
          if (!hasID) return true;
          if (newest === null || id > newest || isLatest) newest = id;
          if (oldest === null || id < oldest) oldest = id;
          return true;
        }

        // The table

        let isPaused = false;
        const spare = [];                 // rows that fell out at the end, used again at the top

        let rest = 0;                     // ms between two frames of ours

        function schedule() {
          if (isScheduled) return;
          isScheduled = true;
          if (rest < 8) requestAnimationFrame(render);
          else setTimeout(requestAnimationFrame, rest, render);
        }

        function render() {
          isScheduled = false;
          // As long as a frame took, layout and paint included, the page rests after it: so half of the time is left for
          // the reader, however slow the machine and however fast the players.
          const start = performance.now();
          setTimeout(() => { rest = Math.min(performance.now() - start, REST_LIMIT); });
          setText(count, total.toLocaleString());
          if (isPaused || queue.length === 0) return;
          const batch = queue.slice(-ROWS);
          queue = [];
          for (let extra = table.rows.length + batch.length - ROWS; extra > 0; extra--) {
            spare.push(table.removeChild(table.lastElementChild));
          }
          const fragment = document.createDocumentFragment();
          turnDay();
          for (const score of batch.reverse()) {
            fragment.append(row(score, score.isFresh && perSecond <= FRESH && batch.length <= FRESH));
          }
          table.prepend(fragment);
          empty.hidden = true;
        }

        let today = "";

        // Rows of yesterday have a date.
        function turnDay() {
          const day = new Date().toDateString();
          if (day === today) return;
          today = day;
          told.second = "";
          for (const row of table.rows) setText(row.cells[2], clock(row.created));
        }

        function row(score, isFresh) {
          const row = spare.pop() ?? blank();
          const [player, points, time] = row.cells;
          player.firstChild.textContent = player.title = score.user;
          points.textContent = score.score;
          row.created = score.created_at;
          time.textContent = clock(row.created);
          row.className = isFresh ? "fresh" : "";
          return row;
        }

        // The last answer is kept: in a flood all rows of a frame are of one second.
        const told = { second: "", text: "" };

        function clock(created) {
          if (typeof created !== "string") return "";
          const second = created.slice(0, 19);
          if (second === told.second) return told.text;
          const date = new Date(created);
          if (Number.isNaN(date.getTime())) return "";
          told.second = second;
          return told.text = (date.toDateString() === today ? sameDay : otherDay).format(date);
        }

        function blank() {
          const row = document.createElement("tr");
          for (let cell = 0; cell < 3; cell++) row.insertCell();
          row.cells[0].append(document.createElement("div"));
          row.cells[0].firstChild.dir = "auto";
          return row;
        }

        function forget() {
          queue = [];
          seen.clear();
          seenBefore.clear();
          oldest = null;
          latest = "";
          total = live = 0;
          samples.length = 0;
          players.clear();
          areBestOld = true;
          table.replaceChildren();
          empty.hidden = false;
        }

        // The best

        const players = new Map();        // each one's best score
        let areBestOld = false;

        function note({ user, score }) {
          if (score <= (players.get(user) ?? -Infinity)) return;
          players.set(user, score);
          areBestOld = true;
          if (players.size <= PLAYERS) return;
          const ranked = [...players].sort((one, other) => other[1] - one[1]);
          for (const [player] of ranked.slice(PLAYERS / 2)) players.delete(player);
        }

        function rank() {
          if (!areBestOld || isPaused) return;
          areBestOld = false;
          const ranked = [...players].sort((one, other) => other[1] - one[1]).slice(0, BEST);
          best.replaceChildren(...ranked.map(([player, score]) => {
            const item = document.createElement("li");
            const name = document.createElement("bdi");
            const points = document.createElement("b");
            name.textContent = name.title = player;
            points.textContent = score;
            item.append(name, points);
            return item;
          }));
          top.hidden = ranked.length === 0;
        }

        // A score to try it with

        form?.addEventListener("submit", async (event) => {
          event.preventDefault();
          const [told, button] = [form.querySelector("output"), form.querySelector("button")];
          const text = form.elements.score.value.trim();
          const body = { user: form.elements.user.value, score: /^-?\d+$/.test(text) ? Number(text) : text };
          button.disabled = true;
          try {
            const answer = await fetch(new URL("scores", document.baseURI), {
              method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
              signal: AbortSignal.timeout(CONNECT_LIMIT),
            });
            const result = await answer.json();
            told.className = answer.ok ? "" : "bad";
            told.textContent = answer.ok ? `Stored as number ${result.id}.` : result.detail;
          } catch {
            told.className = "bad";
            told.textContent = "No answer; it may be stored.";
          }
          button.disabled = false;
        });

        pause.addEventListener("click", () => {
          isPaused = !isPaused;
          pause.setAttribute("aria-pressed", isPaused);
          schedule();
        });

        // The rate

        const samples = [];
        let perSecond = 0;

        setInterval(() => {
          turnDay();
          rank();
          const now = performance.now();
          samples.push({ now, live });
          while (samples.length > 2 && now - samples[1].now >= RATE_WINDOW) samples.shift();
          const first = samples[0];
          perSecond = now > first.now ? (live - first.live) * 1000 / (now - first.now) : 0;
          setText(rate, perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString());
        }, 1000);

        function setText(target, text) {
          if (target.textContent !== text) target.textContent = text;
        }

        connect();

        """#
}
