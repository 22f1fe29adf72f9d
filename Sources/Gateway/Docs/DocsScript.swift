/// The script of `/docs`. Text reaches the document through `textContent` only.
enum DocsScript {
    static let javaScript = #"""
        // An element with attributes and children; a string is text.
        const make = (name, attributes, ...children) => {
          const element = document.createElement(name);
          for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
          element.append(...children.filter((child) => child !== null));
          return element;
        };
        const api = await (await fetch('openapi.json')).json();
        const resolve = (part) => part.$ref
          ? part.$ref.slice(2).split('/').reduce((place, name) => place[name], api) : part;
        const show = (value) => typeof value === 'string' ? value : JSON.stringify(value, null, 2);

        // What a schema allows, in a few words.
        const words = (schema) => {
          schema = resolve(schema);
          if (schema.oneOf) return schema.oneOf.map(words).join(', or ');
          if (schema.enum) return schema.enum.join(' or ');
          if (schema.type === 'array') return `array of ${words(schema.items)}`;
          if (schema.type === 'object')
            return `{ ${Object.entries(schema.properties).map(([name, part]) => `${name}: ${words(part)}`).join(', ')} }`;
          const bounds = [schema.minimum ?? schema.minLength, schema.maximum ?? schema.maxLength];
          const range = bounds.some((bound) => bound !== undefined) ? ` ${bounds[0] ?? ''}…${bounds[1] ?? ''}` : '';
          return `${[schema.type ?? show(schema.const)].flat().join(' or ')}${range}`;
        };

        const field = (text, hint, control) =>
          make('label', {}, make('span', {}, make('code', {}, text), make('br', {}), make('span', { class: 'dim' }, hint)), control);

        // The fields of an operation, and what is in them.
        const form = (operation) => {
          const parameters = (operation.parameters ?? []).map(resolve);
          const inputs = parameters.map((parameter) => {
            const choices = resolve(parameter.schema).enum;
            const control = choices
              ? make('select', {}, ...['', ...choices].map((choice) => make('option', { value: choice }, choice)))
              : make('input', { autocomplete: 'off', spellcheck: 'false' });
            if (!choices && parameter.required) control.value = parameter.example ?? '';
            control.name = parameter.name;
            return control;
          });
          const body = operation.requestBody?.content;
          const examples = Object.entries(body ?? {}).flatMap(([type, content]) =>
            Object.values(content.examples).map((example) => ({ type, ...example })));
          const choice = make('select', { name: 'example' },
            ...examples.map((example, index) => make('option', { value: index }, `${example.summary} (${example.type})`)));
          const text = make('textarea', { name: 'body', spellcheck: 'false' });
          const fill = () => { text.value = body ? show(examples[choice.value || 0].value) : ''; };
          choice.addEventListener('change', fill);
          fill();
          const rows = parameters.map((parameter, index) => field(
            parameter.name, `${parameter.in}, ${words(parameter.schema)}${parameter.description ? `. ${parameter.description}` : ''}`,
            inputs[index]));
          // Kept by nobody: it is gone with the page.
          const token = make('input', { type: 'password', autocomplete: 'off', name: 'token' });
          if (operation.security) rows.push(field('token', 'sent as Authorization: Bearer', token));
          if (body) rows.push(field('example', 'of a body', choice), field('body', 'as it is sent', text));
          return {
            rows,
            request: (path, method) => {
              const url = new URL(path.slice(1), new URL('.', location.href));
              const headers = new Headers();
              parameters.forEach((parameter, index) => {
                const { value } = inputs[index];
                if (parameter.in === 'path')
                  url.pathname = decodeURI(url.pathname).replace(`{${parameter.name}}`, encodeURIComponent(value));
                else if (value === '') return;
                else if (parameter.in === 'query') url.searchParams.set(parameter.name, value);
                else headers.set(parameter.name, value);
              });
              if (operation.security && token.value) headers.set('Authorization', `Bearer ${token.value}`);
              if (body) headers.set('Content-Type', examples[choice.value || 0].type);
              return { url, options: { method, headers, ...(body ? { body: text.value } : {}) } };
            },
          };
        };

        const pretty = (text, type) => {
          if (!/json/.test(type ?? '')) return text;
          try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
        };

        // Below a button: how it goes, in a line that is read out, and what it brings, which is not.
        const say = (out, name, text, ...brought) => {
          out.firstChild.className = name;
          out.firstChild.textContent = text;
          out.lastChild.replaceChildren(...brought);
        };

        // What a try brings.
        const answerTo = async ({ url, options }, out) => {
          const began = performance.now();
          try {
            const answer = await fetch(url, { ...options, cache: 'no-store' });
            const text = await answer.text();
            const fields = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
            say(out, answer.ok ? '' : 'bad',
              `${answer.status} ${answer.statusText}, ${Math.round(performance.now() - began)} ms`,
              make('pre', {}, fields), make('pre', {}, pretty(text.slice(0, 100000), answer.headers.get('content-type')) || '(no content)'));
          } catch (error) {
            say(out, 'bad', `No answer: ${error.message}`);
          }
        };

        // A feed is followed until it is stopped; the newest messages are on top.
        const follow = ({ url }, out, open, button) => {
          const list = make('pre', {});
          const messages = [];
          let frame = 0;
          const render = () => {
            frame = 0;
            list.textContent = messages.join('\n');
          };
          const stop = open(url, {
            opened: () => say(out, '', 'open', list),
            message: (text) => {
              messages.unshift(text);
              messages.length = Math.min(messages.length, 50);
              frame ||= requestAnimationFrame(render);
            },
            closed: (why) => { say(out, '', `closed${why ? `: ${why}` : ''}`, list); button.textContent = 'Try it'; button.stop = null; },
          });
          say(out, '', 'connecting …', list);
          button.textContent = 'Stop';
          button.stop = stop;
        };
        const webSocket = (url, on) => {
          url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
          const socket = new WebSocket(url);
          socket.onopen = on.opened;
          socket.onmessage = (event) => on.message(event.data);
          socket.onclose = (event) => on.closed(event.code === 1000 ? '' : `${event.code} ${event.reason}`);
          return () => socket.close(1000);
        };
        const eventStream = (url, on) => {
          const source = new EventSource(url);
          source.onopen = on.opened;
          source.onmessage = (event) => on.message(event.data);
          source.onerror = () => { source.close(); on.closed('the stream ended'); };
          return () => { source.close(); on.closed(''); };
        };

        const card = (path, method, operation) => {
          const { rows, request } = form(operation);
          const out = make('div', {}, make('p', { role: 'status' }), make('div', {}));
          const button = make('button', { type: 'submit' }, 'Try it');
          const tryIt = make('form', {}, ...rows, button, out);
          tryIt.addEventListener('submit', (event) => {
            event.preventDefault();
            if (button.stop) button.stop();
            else if (operation['x-websocket']) follow(request(path, method), out, webSocket, button);
            else if (operation.responses[200]?.content?.['text/event-stream']) follow(request(path, method), out, eventStream, button);
            else answerTo(request(path, method.toUpperCase()), out);
          });
          const answers = Object.entries(operation.responses).map(([status, response]) => {
            response = resolve(response);
            const content = Object.entries(response.content ?? {}).map(([type, { schema }]) => ` ${type}: ${words(schema)}`);
            return make('li', {}, make('code', {}, status), ` ${response.description}`, make('span', { class: 'dim' }, content.join(';')));
          });
          return make('details', { id: operation.operationId },
            make('summary', {}, make('span', { class: `method ${method}` }, method.toUpperCase()),
              make('span', { class: 'path' }, path), make('span', { class: 'dim' }, operation.summary)),
            make('div', { class: 'inside' }, operation.description ? make('p', {}, operation.description) : null,
              make('h3', {}, 'Try it'), tryIt, make('h3', {}, 'Answers'), make('ul', {}, ...answers)));
        };

        document.getElementById('title').textContent = `${api.info.title} ${api.info.version}`;
        document.getElementById('summary').replaceChildren(
          `${api.info.summary} ${api.info.description} `, make('a', { href: 'openapi.json' }, 'openapi.json'));
        const main = document.getElementById('operations');
        for (const tag of api.tags) {
          const cards = Object.entries(api.paths).flatMap(([path, methods]) => Object.entries(methods)
            .filter(([, operation]) => operation.tags.includes(tag.name))
            .map(([method, operation]) => card(path, method, operation)));
          if (cards.length > 0) main.append(make('h2', {}, tag.name), make('p', { class: 'dim' }, tag.description), ...cards);
        }
        const wanted = document.getElementById(location.hash.slice(1));
        if (wanted) wanted.open = true;
        """#
}
