package policy

import (
	"cmp"
	"slices"
)

// names sorts destinations for a language that knows names alone.
type names struct {
	listed []string // to be written, sorted
	spared []string // below a listed name, and not to be touched: sorted
}

// What a language does to a name.
const (
	blocked  = "blocked"
	answered = "answered"
)

// namesOf finds the names that stand for some destinations, apart from the
// others. What cannot be said is lost. A name that something needed has too is
// answered.
func namesOf(d *draft, some, others []Destination, doing string) names {
	var n names
	for _, one := range some {
		other, split := sameHost(one, others)
		switch {
		case one.Resolver:
			d.lose("The resolver of the gateway has no name.")
		case one.Host == "" && len(one.Addresses) > 0:
			d.lose("%s is not %s: it is contacted by its address.", one.label(), doing)
		case one.Host == "":
			d.lose("%s is not %s: it is not a valid host name.", one.label(), doing)
		case standsForMany(one.Host):
			d.lose("%s is not %s: strangers have names below it.", one.label(), doing)
		case doing == blocked && leads(others, one.Host) != nil:
			d.lose("%s is not %s: %s needs that name, as its CNAME.", one.label(), doing, leads(others, one.Host).label())
		case split && doing == blocked:
			d.lose("%s is not %s: %s has the same name.", one.label(), doing, other.label())
		default:
			if split {
				d.lose("%s is answered for too: it has the same name as %s.", other.label(), one.label())
			}
			n.listed = append(n.listed, one.Host)
			if doing == answered {
				n.listed = append(n.listed, one.Aliases...)
			}
		}
	}
	slices.Sort(n.listed)
	n.listed = slices.Compact(n.listed)
	if len(n.listed) > 0 {
		d.lose("Names have no ports: a name is %s on all of them.", doing)
	}
	n.spared = nested(n.listed, others)
	return n
}

// leads is the first of some destinations whose name leads to another (CNAME), nil if
// there is none. Some servers refuse a name whose CNAME they refuse.
func leads(some []Destination, to string) *Destination {
	i := slices.IndexFunc(some, func(d Destination) bool { return slices.Contains(d.Aliases, to) })
	if i < 0 {
		return nil
	}
	return &some[i]
}

func sameHost(one Destination, others []Destination) (Destination, bool) {
	i := slices.IndexFunc(others, func(o Destination) bool { return o.Host != "" && o.Host == one.Host })
	if i < 0 {
		return Destination{}, false
	}
	return others[i], true
}

// nested lists the hosts of others that lie below a listed name: what is said of
// that one would go for them too.
func nested(listed []string, others []Destination) []string {
	var hosts []string
	for _, other := range others {
		isBelow := func(name string) bool { return other.Host != name && below(other.Host, name) }
		if other.Host != "" && slices.ContainsFunc(listed, isBelow) {
			hosts = append(hosts, other.Host)
		}
	}
	slices.SortFunc(hosts, cmp.Compare[string])
	return slices.Compact(hosts)
}

const namesCoverBelow = "A name stands for all names below it."

const directContactPasses = "An address that the device has built in, or got from another name server, is not affected."
