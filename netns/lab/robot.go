package lab

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// robot is the vacuum behind the miIO methods. It changes its state as told,
// and does no work.
type robot struct {
	mu       sync.Mutex
	state    int
	fan      int
	sequence int
}

// The states of a vacuum that the simulated one knows.
const (
	idle      = 3
	cleaning  = 5
	returning = 6
	charging  = 8
	paused    = 10
)

func newRobot() *robot { return &robot{state: charging, fan: 102} }

// method is what a miIO method belongs to and does.
type method struct {
	function string
	result   func(l *life, params json.RawMessage) json.RawMessage
}

// methods are those of one Home Assistant poll and of the app's buttons. The
// shapes of their results are those of a Roborock S50.
func methods() map[string]method {
	read := func(result string) method {
		return method{Status, func(*life, json.RawMessage) json.RawMessage { return json.RawMessage(result) }}
	}
	move := func(state int) method {
		return method{Control, func(l *life, _ json.RawMessage) json.RawMessage { return l.robot.move(state) }}
	}
	return map[string]method{
		"miIO.info":         {Info, (*life).info},
		"get_status":        {Status, (*life).status},
		"get_consumable":    read(`[{"main_brush_work_time":32454,"side_brush_work_time":32454,"filter_work_time":32454,"sensor_dirty_time":3798}]`),
		"get_clean_summary": read(`[174145,2410150000,82,[1488240000]]`),
		"get_clean_record":  read(`[[1488240000,1488241800,1800,29000000,0,1]]`),
		"get_dnd_timer":     read(`[{"start_hour":22,"start_minute":0,"end_hour":8,"end_minute":0,"enabled":1}]`),
		"get_timer":         read(`[["1488667794112","off",["49 22 * * 6",["start_clean",""]]]]`),
		"get_timezone":      read(`["Europe/Berlin"]`),
		"get_custom_mode":   {Status, (*life).customMode},
		"app_start":         move(cleaning),
		"app_stop":          move(idle),
		"app_pause":         move(paused),
		"app_charge":        move(returning),
		"app_spot":          move(cleaning),
		"app_zoned_clean":   move(cleaning),
		"app_goto_target":   move(cleaning),
		"find_me":           {Control, done},
		"set_custom_mode":   {Control, (*life).setCustomMode},
	}
}

func done(*life, json.RawMessage) json.RawMessage { return json.RawMessage(`["ok"]`) }

func (r *robot) move(state int) json.RawMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = state
	return done(nil, nil)
}

func (l *life) status(json.RawMessage) json.RawMessage {
	r := l.robot
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sequence++
	return fmt.Appendf(nil, `[{"msg_ver":2,"msg_seq":%d,"state":%d,"battery":100,"clean_time":15,"clean_area":140000,`+
		`"error_code":0,"map_present":1,"in_cleaning":0,"in_returning":0,"in_fresh_state":1,"lab_status":1,`+
		`"water_box_status":0,"fan_power":%d,"dnd_enabled":0,"map_status":3,"lock_status":0}]`, r.sequence, r.state, r.fan)
}

func (l *life) customMode(json.RawMessage) json.RawMessage {
	l.robot.mu.Lock()
	defer l.robot.mu.Unlock()
	return fmt.Appendf(nil, "[%d]", l.robot.fan)
}

func (l *life) setCustomMode(params json.RawMessage) json.RawMessage {
	var wanted []int
	if json.Unmarshal(params, &wanted) == nil && len(wanted) == 1 {
		l.robot.mu.Lock()
		defer l.robot.mu.Unlock()
		l.robot.fan = wanted[0]
	}
	return done(l, nil)
}

// info is the answer to miIO.info. A paired device gives its token only to who
// knows it already.
func (l *life) info(json.RawMessage) json.RawMessage {
	info := map[string]any{
		"hw_ver": "Linux",
		"model":  l.world.Device.Model,
		"mac":    deviceMAC,
		"token":  l.world.Device.Token,
		"life":   int(time.Since(l.born) / time.Second),
		"ap":     map[string]any{"ssid": "lab", "bssid": "02:00:5e:00:53:01", "rssi": -42},
		"netif":  map[string]any{"localIp": deviceV4, "mask": "255.255.255.0", "gw": insideV4},
	}
	if firmware := l.world.Device.Firmware; firmware != "" {
		info["fw_ver"] = firmware
	}
	text, err := json.Marshal(info)
	if err != nil {
		panic(err) // it is made of texts and numbers
	}
	return text
}
