// SPDX-License-Identifier: Apache-2.0

// Driver for nats.go: URL and bucket as arguments, commands on stdin, one answer line each.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func run(store jetstream.ObjectStore, w []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch w[0] {
	case "put":
		f, err := os.Open(w[2])
		if err != nil {
			return "", err
		}
		defer f.Close()
		_, err = store.Put(ctx, jetstream.ObjectMeta{Name: w[1]}, f)
		return "ok", err
	case "get":
		return "ok", store.GetFile(ctx, w[1], w[2])
	case "delete":
		return "ok", store.Delete(ctx, w[1])
	case "rename":
		return "ok", store.UpdateMeta(ctx, w[1], jetstream.ObjectMeta{Name: w[2]})
	}
	return "unsupported", nil
}

func main() {
	nc, err := nats.Connect(os.Args[1], nats.NoReconnect())
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	store, err := js.ObjectStore(context.Background(), os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		answer, err := run(store, strings.Split(in.Text(), "\t"))
		if err != nil {
			answer = "error " + err.Error()
		}
		fmt.Println(answer)
	}
}
