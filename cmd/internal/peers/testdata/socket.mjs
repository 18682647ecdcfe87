// Talks to a Home Assistant by the library of its own frontend.
//
//     node socket.mjs send URL TOKEN JSON      sends a message and prints what comes back
//     node socket.mjs watch URL TOKEN ENTITY   prints what it meets, one JSON a line, until its input ends
import {
  callService, createConnection, createLongLivedTokenAuth, getConfig, getStates, subscribeEntities,
} from 'home-assistant-js-websocket'
import WebSocket from 'ws'

globalThis.WebSocket = WebSocket

const [verb, url, token, what] = process.argv.slice(2)
const tell = (fact) => console.log(JSON.stringify(fact))

async function connect() {
  try {
    return await createConnection({ auth: createLongLivedTokenAuth(url, token) })
  } catch (code) {
    // The library throws numbers: 1 cannot connect, 2 invalid auth.
    tell({ error: code })
    process.exit(0)
  }
}

async function watch(home, name) {
  const states = await getStates(home)
  const config = await getConfig(home)
  tell({
    version: home.haVersion,
    entity: states.find((state) => state.entity_id === name),
    config: { version: config.version, state: config.state },
  })
  await home.ping()
  await home.subscribeEvents(({ event_type: event, data }) => {
    const [from, to] = [data.old_state?.state, data.new_state?.state]
    if (data.entity_id === name && from !== to) tell({ event, from, to })
  }, 'state_changed')
  let last
  subscribeEntities(home, (entities) => {
    if (entities[name]?.state !== last) tell({ state: (last = entities[name]?.state) })
  })
  await callService(home, 'homeassistant', 'update_entity', {}, { entity_id: name })
  tell({ refreshed: true })
  await callService(home, 'homeassistant', 'no_such_service').catch((error) => tell({ refused: error.code }))
  await home.sendMessagePromise({ type: 'no_such_command' }).catch((error) => tell({ refused: error.code }))
}

const home = await connect()
if (verb === 'send') {
  tell(await home.sendMessagePromise(JSON.parse(what)))
  process.exit(0)
}
await watch(home, what)
process.stdin.on('end', () => process.exit(0)).resume()
