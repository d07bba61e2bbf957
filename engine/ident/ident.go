// Package ident generates IDs and names.
package ident

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
)

// New returns 64 random hexadecimal digits. The first 12 are never all decimal, because they become a host name, and
// resolvers take a decimal one for an address.
func New() string {
	for {
		var b [32]byte
		rand.Read(b[:])
		id := hex.EncodeToString(b[:])
		if strings.Trim(id[:12], "0123456789") != "" {
			return id
		}
	}
}

// Short returns the short form of an ID.
func Short(id string) string { return id[:min(len(id), 12)] }

// UUID returns a random UUID (RFC 9562, version 4).
func UUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

var (
	moods = strings.Fields(`able agile amber brave brisk calm clear clever crisp daring deft eager early fair fleet fresh
		gentle glad golden grand happy hardy honest jolly keen kind light lively lucid merry mild neat nimble noble
		patient plain proud quick quiet rapid ready sharp silent sleek solid steady still sturdy sunny swift tidy
		trusty vivid warm wise witty young zesty`)
	crafts = strings.Fields(`anvil arch barge beacon bridge brook canal cedar chart clock comet compass crane delta
		derrick dock engine ferry fjord forge garnet gull harbor heron hull ibis jetty keel kiln lantern ledger lever
		lighthouse lock loom maple mast mill mortar oar otter pier pilot plover prow pulley quarry quay rivet rudder
		sail schooner sextant shoal skiff slate sluice spruce tern tide tiller tower trawler wharf willow winch`)
)

// Name generates a name for a container. taken tells which names are in use.
func Name(taken func(string) bool) string {
	for try := 0; ; try++ {
		name := pick(moods) + "_" + pick(crafts)
		if try > 5 {
			name += fmt.Sprint(try)
		}
		if !taken(name) {
			return name
		}
	}
}

func pick(words []string) string {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(len(words))))
	if err != nil {
		return words[0]
	}
	return words[n.Int64()]
}
