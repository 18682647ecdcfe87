package reports

import (
	"net/netip"
	"slices"
	"strings"
)

// Owner says whose a destination is, as far as its name, the spec and the user's
// databases of addresses say.
type Owner struct {
	Domain     string  `json:"domain,omitempty"`      // in which its name is registered, for example "xiaomi.com"
	FirstParty bool    `json:"first_party,omitempty"` // the spec says that the domain is the maker's
	Places     []Place `json:"places,omitempty"`      // of its addresses, each once
}

// Place is where an address is.
type Place struct {
	Country     string `json:"country,omitempty"`      // two letters, for example "DE"
	CountryName string `json:"country_name,omitempty"` // for example "Germany"
	Network     string `json:"network,omitempty"`      // for example "AS16509 Amazon.com, Inc."
}

func (p Place) String() string {
	country := p.CountryName
	if country == "" {
		country = p.Country
	}
	return strings.Trim(country+", "+p.Network, ", ")
}

// ownerOf says whose a host is by its name. The domains are the maker's.
func ownerOf(host string, makers []string) Owner {
	domain := domainOf(host)
	return Owner{Domain: domain, FirstParty: domain != "" && slices.Contains(makers, domain)}
}

// Locate adds the places of all destinations to the matrix.
func (m *Matrix) Locate(place func(netip.Addr) (Place, error)) error {
	for i, row := range m.Rows {
		places, err := placesOf(row.Destination.Addresses, place)
		if err != nil {
			return err
		}
		m.Rows[i].Destination.Owner.Places = places
	}
	return nil
}

// placesOf are the places of addresses, each once, in the order of the addresses.
func placesOf(addresses []string, place func(netip.Addr) (Place, error)) (places []Place, err error) {
	for _, text := range addresses {
		address, err := netip.ParseAddr(text)
		if err != nil {
			continue // a run file may have anything
		}
		found, err := place(address)
		if err != nil {
			return nil, err
		}
		if found != (Place{}) && !slices.Contains(places, found) {
			places = append(places, found)
		}
	}
	return places, nil
}

// about is what is known of a destination's owner besides its name: "first party",
// "Germany, AS16509 Amazon.com, Inc.". Of many places it lists two.
func (o Owner) about() (facts []string) {
	if o.FirstParty {
		facts = append(facts, "first party")
	}
	const most = 2
	for i, place := range o.Places {
		if i == most {
			facts = append(facts, count(len(o.Places)-most, "other network"))
			break
		}
		facts = append(facts, place.String())
	}
	return facts
}

// whereabouts lists what is known of the owners, for formats whose table has no
// space for it. Destinations of which the same is known share a line.
func (r reading) whereabouts() section {
	var known []string
	hosts := map[string][]string{}
	for _, row := range r.Rows {
		facts := strings.Join(row.Destination.Owner.about(), "; ")
		if facts == "" {
			continue
		}
		if hosts[facts] == nil {
			known = append(known, facts)
		}
		hosts[facts] = append(hosts[facts], nameOf(row.Destination))
	}
	s := section{title: "Where they are"}
	for _, facts := range known {
		s.lines = append(s.lines, facts+": "+enumerate(slices.Compact(hosts[facts]))+".")
	}
	return s
}
