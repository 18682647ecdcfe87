package lab

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket/wsjson"
)

// command is what a caller wants.
type command struct {
	ID           int        `json:"id"`
	Type         string     `json:"type"`
	Token        string     `json:"access_token"`
	Event        string     `json:"event_type"`
	Subscription int        `json:"subscription"`
	Domain       string     `json:"domain"`
	Service      string     `json:"service"`
	Data         entityCall `json:"service_data"`
	Target       entityCall `json:"target"`
}

type entityCall struct {
	Entity entityList `json:"entity_id"`
}

// entityList is one entity, a list, or several with commas between them.
type entityList []string

// UnmarshalJSON reads a text or a list of texts.
func (l *entityList) UnmarshalJSON(text []byte) error {
	var one string
	var several []string
	if json.Unmarshal(text, &one) == nil {
		for id := range strings.SplitSeq(one, ",") {
			*l = append(*l, strings.TrimSpace(id))
		}
		return nil
	}
	if json.Unmarshal(text, &several) != nil {
		return errors.New("entity_id is neither a text nor a list of texts")
	}
	*l = several
	return nil
}

// obey does what a caller wants, or says why not. The words are Home Assistant's.
func (c *caller) obey(ctx context.Context, wanted command) error {
	if wanted.ID <= c.last {
		return c.refuse(ctx, wanted, "id_reuse", "Identifier values have to increase.")
	}
	c.last = wanted.ID
	switch wanted.Type {
	case "ping":
		return wsjson.Write(ctx, c.conn, fields{"id": wanted.ID, "type": "pong"})
	case "supported_features":
		return c.grant(ctx, wanted, nil)
	case "get_states":
		return c.grant(ctx, wanted, []entity{c.home.now()})
	case "get_config":
		return c.grant(ctx, wanted, c.home.config())
	case "call_service":
		return c.call(ctx, wanted)
	case "subscribe_events":
		return c.follow(ctx, wanted)
	case "subscribe_entities":
		return c.followEntities(ctx, wanted)
	case "unsubscribe_events":
		return c.unfollow(ctx, wanted)
	}
	return c.refuse(ctx, wanted, "unknown_command", "Unknown command.")
}

func (c *caller) grant(ctx context.Context, wanted command, result any) error {
	return wsjson.Write(ctx, c.conn, fields{"id": wanted.ID, "type": "result", "success": true, "result": result})
}

func (c *caller) refuse(ctx context.Context, wanted command, code, message string) error {
	return wsjson.Write(ctx, c.conn, fields{"id": wanted.ID, "type": "result", "success": false, "error": fields{"code": code, "message": message}})
}

// call polls before it answers, as over REST.
func (c *caller) call(ctx context.Context, wanted command) error {
	if wanted.Domain != "homeassistant" || wanted.Service != "update_entity" {
		return c.refuse(ctx, wanted, "not_found", "Service "+wanted.Domain+"."+wanted.Service+" not found.")
	}
	c.home.update(ctx, slices.Concat(wanted.Target.Entity, wanted.Data.Entity))
	return c.grant(ctx, wanted, fields{"context": noContext(), "response": nil})
}

// follow subscribes to events, of which there is one kind.
func (c *caller) follow(ctx context.Context, wanted command) error {
	c.follows[wanted.ID] = func(changed change) any {
		if wanted.Event != "" && wanted.Event != "state_changed" {
			return nil
		}
		return fields{
			"event_type": "state_changed",
			"data":       fields{"entity_id": changed.new.ID, "old_state": changed.old, "new_state": changed.new},
			"origin":     "LOCAL", "time_fired": changed.new.Updated, "context": noContext(),
		}
	}
	return c.grant(ctx, wanted, nil)
}

// followEntities subscribes to states in the short form that Home Assistant's
// frontend uses: all of them at first, then what has changed.
func (c *caller) followEntities(ctx context.Context, wanted command) error {
	if err := c.grant(ctx, wanted, nil); err != nil {
		return err
	}
	c.follows[wanted.ID] = func(changed change) any {
		return fields{"c": fields{changed.new.ID: fields{"+": short(changed.new), "-": fields{"a": gone(changed)}}}}
	}
	now := c.home.now()
	return c.event(ctx, wanted.ID, fields{"a": fields{now.ID: short(now)}})
}

func (c *caller) unfollow(ctx context.Context, wanted command) error {
	if c.follows[wanted.Subscription] == nil {
		return c.refuse(ctx, wanted, "not_found", "Subscription not found.")
	}
	delete(c.follows, wanted.Subscription)
	return c.grant(ctx, wanted, nil)
}

// tell tells every subscription of a change, if it is interested.
func (c *caller) tell(ctx context.Context, changed change) error {
	for id, describe := range c.follows {
		told := describe(changed)
		if told == nil {
			continue
		}
		if err := c.event(ctx, id, told); err != nil {
			return err
		}
	}
	return nil
}

func (c *caller) event(ctx context.Context, id int, event any) error {
	return wsjson.Write(ctx, c.conn, fields{"id": id, "type": "event", "event": event})
}

// short is a state in few letters, with its times in seconds.
func short(e entity) fields {
	return fields{"s": e.State, "a": e.Attributes, "c": e.Context["id"], "lc": seconds(e.Changed), "lu": seconds(e.Updated)}
}

func seconds(when time.Time) float64 { return float64(when.UnixMicro()) / 1e6 }

// gone lists the attributes that an entity no longer has.
func gone(changed change) []string {
	names := []string{}
	for name := range changed.old.Attributes {
		if _, there := changed.new.Attributes[name]; !there {
			names = append(names, name)
		}
	}
	return names
}

// noContext is who has caused it: nobody that the stand-in knows.
func noContext() fields { return fields{"id": "01", "parent_id": nil, "user_id": nil} }

func (a *assistant) config() fields {
	state := "RUNNING"
	if a.isStarting() {
		state = "STARTING"
	}
	return fields{"version": assistantVersion, "state": state, "components": []string{"api", "websocket_api", "homeassistant"}}
}
