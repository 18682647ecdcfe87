// Asks a vacuum by npm's miio, and prints what it says as JSON.
//
//     node vacuum.mjs ADDRESS TOKEN
import miio from 'miio'

const [address, token] = process.argv.slice(2)
const vacuum = await miio.device({ address, token })
const info = await vacuum.miioCall('miIO.info')
const [status] = await vacuum.miioCall('get_status')
const [consumable] = await vacuum.miioCall('get_consumable')
const found = await vacuum.miioCall('find_me', ['']).then(([said]) => said === 'ok', (failure) => failure.code)
console.log(JSON.stringify({
  model: vacuum.miioModel, firmware: info.fw_ver,
  battery: await vacuum.batteryLevel(), state: status.state,
  consumable: consumable.main_brush_work_time,
  found,
}))
process.exit(0)
