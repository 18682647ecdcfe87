// Package geoip says in which country and network an address is, by databases that
// the user has: files in MaxMind's format (.mmdb), such as GeoLite2 Country, GeoLite2
// ASN, and DB-IP Lite.
package geoip

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/needwant/needwant/reports"
)

// Databases are open database files.
type Databases []database

type database struct {
	path   string
	reader *maxminddb.Reader
}

// Open opens database files. A country is often in one, and the networks in another.
func Open(paths ...string) (all Databases, err error) {
	for _, path := range paths {
		reader, err := maxminddb.Open(path)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s cannot be read as a database of addresses: expected a .mmdb file, for example of MaxMind or DB-IP: %w", path, err), all.Close())
		}
		all = append(all, database{path, reader})
	}
	return all, nil
}

// Close closes the files.
func (all Databases) Close() (err error) {
	for _, d := range all {
		err = errors.Join(err, d.reader.Close())
	}
	return err
}

// record is what the databases of several publishers say of an address.
type record struct {
	Country struct {
		Code  string `maxminddb:"iso_code"`
		Names struct {
			English string `maxminddb:"en"`
		} `maxminddb:"names"`
	} `maxminddb:"country"`
	Number       uint64 `maxminddb:"autonomous_system_number"`
	Organization string `maxminddb:"autonomous_system_organization"`
}

// Place is what the databases say of an address. What several say, the first one
// says. Its fields are empty if none says anything.
func (all Databases) Place(address netip.Addr) (place reports.Place, err error) {
	for _, d := range all {
		var found record
		if err := d.reader.Lookup(address).Decode(&found); err != nil {
			return place, fmt.Errorf("%s is damaged: looking up %s: %w", d.path, address, err)
		}
		if country := found.Country; place.Country == "" {
			place.Country, place.CountryName = country.Code, country.Names.English
		}
		if place.Network == "" && found.Number > 0 {
			place.Network = fmt.Sprintf("AS%d %s", found.Number, found.Organization)
		}
	}
	return place, nil
}
