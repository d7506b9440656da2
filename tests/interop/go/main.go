// SPDX-License-Identifier: Apache-2.0

// Driver for nats.go, its jetstream package or, with "legacy" as third argument, the older interface;
// see README.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

type info struct {
	Size        uint64 `json:"size"`
	Chunks      uint32 `json:"chunks"`
	Description string `json:"description"`
}

type client interface {
	put(name string, from io.Reader) error
	get(name, path string) error
	info(name string) (info, error)
	list() ([]string, error)
	delete(name string) error
	rename(name, other string) error
	describe(name, text string) error
	link(name, target string) error
	watch(see func(name string, deleted bool)) error
}

// pieces returns less than it is asked for, as a pipe does.
type pieces struct{ from io.Reader }

func (p pieces) Read(b []byte) (int, error) {
	return p.from.Read(b[:min(len(b), 50000)])
}

type sight struct {
	sync.Mutex
	all [][2]any
}

func (s *sight) add(name string, deleted bool) {
	s.Lock()
	defer s.Unlock()
	s.all = append(s.all, [2]any{name, deleted})
}

func run(c client, seen *sight, w []string) (any, error) {
	switch w[0] {
	case "put", "pipe":
		f, err := os.Open(w[2])
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if w[0] == "pipe" {
			return nil, c.put(w[1], pieces{f})
		}
		return nil, c.put(w[1], f)
	case "get":
		return nil, c.get(w[1], w[2])
	case "info":
		return c.info(w[1])
	case "list":
		return c.list()
	case "delete":
		return nil, c.delete(w[1])
	case "rename":
		return nil, c.rename(w[1], w[2])
	case "describe":
		return nil, c.describe(w[1], w[2])
	case "link":
		return nil, c.link(w[1], w[2])
	case "watch":
		return nil, c.watch(seen.add)
	case "seen":
		seen.Lock()
		defer seen.Unlock()
		return append([][2]any{}, seen.all...), nil
	}
	return nil, fmt.Errorf("no such command: %s", w[0])
}

func isLegacy() bool { return len(os.Args) > 3 && os.Args[3] == "legacy" }

func open(nc *nats.Conn) (client, error) {
	if isLegacy() {
		return openLegacy(nc, os.Args[2])
	}
	return openJetStream(nc, os.Args[2])
}

func main() {
	nc, err := nats.Connect(os.Args[1], nats.NoReconnect())
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	c, err := open(nc)
	if err != nil {
		log.Fatal(err)
	}
	seen := &sight{}
	var kv kvClient
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var result any
		w := strings.Split(in.Text(), "\t")
		if w[0] == "kv-make" {
			var history int
			if history, err = strconv.Atoi(w[2]); err == nil {
				kv, err = makeKV(nc, isLegacy(), w[1], uint8(history))
			}
		} else if command, isKV := strings.CutPrefix(w[0], "kv-"); isKV {
			w[0] = command
			result, err = runKV(kv, w)
		} else {
			result, err = run(c, seen, w)
		}
		switch {
		case err != nil:
			fmt.Println("error", strings.ReplaceAll(err.Error(), "\n", " "))
		case result == nil:
			fmt.Println("ok")
		default:
			text, _ := json.Marshal(result)
			fmt.Println("ok", string(text))
		}
	}
}
