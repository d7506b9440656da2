// SPDX-License-Identifier: Apache-2.0
package main

import (
	"errors"
	"io"

	"github.com/nats-io/nats.go"
)

type older struct{ store nats.ObjectStore }

func openLegacy(nc *nats.Conn, bucket string) (client, error) {
	js, err := nc.JetStream()
	if err != nil {
		return nil, err
	}
	store, err := js.ObjectStore(bucket)
	return older{store}, err
}

func (c older) put(name string, from io.Reader) error {
	_, err := c.store.Put(&nats.ObjectMeta{Name: name}, from)
	return err
}

func (c older) get(name, path string) error {
	return c.store.GetFile(name, path)
}

func (c older) info(name string) (info, error) {
	i, err := c.store.GetInfo(name)
	if err != nil {
		return info{}, err
	}
	return info{i.Size, i.Chunks, i.Description}, nil
}

func (c older) list() ([]string, error) {
	all, err := c.store.List()
	if errors.Is(err, nats.ErrNoObjectsFound) {
		return []string{}, nil
	}
	names := []string{}
	for _, o := range all {
		names = append(names, o.Name)
	}
	return names, err
}

func (c older) delete(name string) error {
	return c.store.Delete(name)
}

func (c older) rename(name, other string) error {
	return c.update(name, func(m *nats.ObjectMeta) { m.Name = other })
}

func (c older) describe(name, text string) error {
	return c.update(name, func(m *nats.ObjectMeta) { m.Description = text })
}

func (c older) update(name string, change func(*nats.ObjectMeta)) error {
	i, err := c.store.GetInfo(name)
	if err != nil {
		return err
	}
	meta := i.ObjectMeta
	change(&meta)
	return c.store.UpdateMeta(name, &meta)
}

func (c older) link(name, target string) error {
	i, err := c.store.GetInfo(target)
	if err != nil {
		return err
	}
	_, err = c.store.AddLink(name, i)
	return err
}

func (c older) watch(see func(string, bool)) error {
	w, err := c.store.Watch()
	if err != nil {
		return err
	}
	started := make(chan struct{})
	go func() {
		isNew := false
		for i := range w.Updates() {
			if i == nil {
				isNew = true
				close(started)
			} else if isNew {
				see(i.Name, i.Deleted)
			}
		}
	}()
	<-started
	return nil
}
