// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

type newer struct{ store jetstream.ObjectStore }

func openJetStream(nc *nats.Conn, bucket string) (client, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	store, err := js.ObjectStore(context.Background(), bucket)
	return newer{store}, err
}

func limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 60*time.Second)
}

func (c newer) put(name string, from io.Reader) error {
	ctx, cancel := limited()
	defer cancel()
	_, err := c.store.Put(ctx, jetstream.ObjectMeta{Name: name}, from)
	return err
}

func (c newer) get(name, path string) error {
	ctx, cancel := limited()
	defer cancel()
	return c.store.GetFile(ctx, name, path)
}

func (c newer) info(name string) (info, error) {
	ctx, cancel := limited()
	defer cancel()
	i, err := c.store.GetInfo(ctx, name)
	if err != nil {
		return info{}, err
	}
	return info{i.Size, i.Chunks, i.Description}, nil
}

func (c newer) list() ([]string, error) {
	ctx, cancel := limited()
	defer cancel()
	all, err := c.store.List(ctx)
	if errors.Is(err, jetstream.ErrNoObjectsFound) {
		return []string{}, nil
	}
	names := []string{}
	for _, o := range all {
		names = append(names, o.Name)
	}
	return names, err
}

func (c newer) delete(name string) error {
	ctx, cancel := limited()
	defer cancel()
	return c.store.Delete(ctx, name)
}

func (c newer) rename(name, other string) error {
	return c.update(name, func(m *jetstream.ObjectMeta) { m.Name = other })
}

func (c newer) describe(name, text string) error {
	return c.update(name, func(m *jetstream.ObjectMeta) { m.Description = text })
}

func (c newer) update(name string, change func(*jetstream.ObjectMeta)) error {
	ctx, cancel := limited()
	defer cancel()
	i, err := c.store.GetInfo(ctx, name)
	if err != nil {
		return err
	}
	meta := i.ObjectMeta
	change(&meta)
	return c.store.UpdateMeta(ctx, name, meta)
}

func (c newer) link(name, target string) error {
	ctx, cancel := limited()
	defer cancel()
	i, err := c.store.GetInfo(ctx, target)
	if err != nil {
		return err
	}
	_, err = c.store.AddLink(ctx, name, i)
	return err
}

func (c newer) watch(see func(string, bool)) error {
	w, err := c.store.Watch(context.Background(), jetstream.UpdatesOnly())
	if err != nil {
		return err
	}
	go func() {
		for i := range w.Updates() {
			if i != nil {
				see(i.Name, i.Deleted)
			}
		}
	}()
	return nil
}
