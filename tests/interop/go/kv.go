// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// kvClient is a key-value bucket by one of the two interfaces.
type kvClient interface {
	put(key string, value []byte) error
	create(key string, value []byte) error
	update(key string, value []byte, revision uint64) error
	get(key string) ([]byte, uint64, error)
	delete(key string) error
	keys() ([]string, error)
	history(key string) ([][2]any, error)
}

func makeKV(nc *nats.Conn, isLegacy bool, bucket string, history uint8) (kvClient, error) {
	if isLegacy {
		js, err := nc.JetStream()
		if err != nil {
			return nil, err
		}
		kv, err := js.CreateKeyValue(&nats.KeyValueConfig{Bucket: bucket, History: history})
		return legacyKV{kv}, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	kv, err := js.CreateKeyValue(context.Background(), jetstream.KeyValueConfig{Bucket: bucket, History: history})
	return newerKV{kv}, err
}

// runKV does one command, without its "kv-".
func runKV(kv kvClient, w []string) (any, error) {
	switch w[0] {
	case "put", "create", "update":
		value, err := os.ReadFile(w[2])
		if err != nil {
			return nil, err
		}
		if w[0] == "put" {
			return nil, kv.put(w[1], value)
		}
		if w[0] == "create" {
			return nil, kv.create(w[1], value)
		}
		revision, err := strconv.ParseUint(w[3], 10, 64)
		if err != nil {
			return nil, err
		}
		return nil, kv.update(w[1], value, revision)
	case "get":
		value, _, err := kv.get(w[1])
		if err != nil {
			return nil, err
		}
		return nil, os.WriteFile(w[2], value, 0o600)
	case "revision":
		_, revision, err := kv.get(w[1])
		return revision, err
	case "delete":
		return nil, kv.delete(w[1])
	case "keys":
		return kv.keys()
	case "history":
		return kv.history(w[1])
	}
	return nil, fmt.Errorf("no such command: kv-%s", w[0])
}

type newerKV struct{ kv jetstream.KeyValue }

func (c newerKV) put(key string, value []byte) error {
	_, err := c.kv.Put(context.Background(), key, value)
	return err
}

func (c newerKV) create(key string, value []byte) error {
	_, err := c.kv.Create(context.Background(), key, value)
	return err
}

func (c newerKV) update(key string, value []byte, revision uint64) error {
	_, err := c.kv.Update(context.Background(), key, value, revision)
	return err
}

func (c newerKV) get(key string) ([]byte, uint64, error) {
	e, err := c.kv.Get(context.Background(), key)
	if err != nil {
		return nil, 0, err
	}
	return e.Value(), e.Revision(), nil
}

func (c newerKV) delete(key string) error { return c.kv.Delete(context.Background(), key) }

func (c newerKV) keys() ([]string, error) { return c.kv.Keys(context.Background()) }

func (c newerKV) history(key string) ([][2]any, error) {
	entries, err := c.kv.History(context.Background(), key)
	all := [][2]any{}
	for _, e := range entries {
		all = append(all, [2]any{e.Revision(), e.Operation() != jetstream.KeyValuePut})
	}
	return all, err
}

type legacyKV struct{ kv nats.KeyValue }

func (c legacyKV) put(key string, value []byte) error {
	_, err := c.kv.Put(key, value)
	return err
}

func (c legacyKV) create(key string, value []byte) error {
	_, err := c.kv.Create(key, value)
	return err
}

func (c legacyKV) update(key string, value []byte, revision uint64) error {
	_, err := c.kv.Update(key, value, revision)
	return err
}

func (c legacyKV) get(key string) ([]byte, uint64, error) {
	e, err := c.kv.Get(key)
	if err != nil {
		return nil, 0, err
	}
	return e.Value(), e.Revision(), nil
}

func (c legacyKV) delete(key string) error { return c.kv.Delete(key) }

func (c legacyKV) keys() ([]string, error) { return c.kv.Keys() }

func (c legacyKV) history(key string) ([][2]any, error) {
	entries, err := c.kv.History(key)
	all := [][2]any{}
	for _, e := range entries {
		all = append(all, [2]any{e.Revision(), e.Operation() != nats.KeyValuePut})
	}
	return all, err
}
