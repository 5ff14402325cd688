package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// connections: one HTTP/2 connection is one stream of encryption, less than a server can take.
const connections = 4

type client struct {
	server string
	http   []*http.Client
	turn   atomic.Uint64
}

type object = map[string]any

func newClient(o options) (*client, error) {
	authority, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s: no certificate in it", o.ca)
	}
	certificate, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, err
	}
	c := &client{server: o.server}
	for range connections {
		transport := &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}},
			ForceAttemptHTTP2: true,
		}
		c.http = append(c.http, &http.Client{Transport: transport, Timeout: time.Minute})
	}
	return c, nil
}

// create posts an object under a field manager's name and returns its UID; one that exists already is asked for its.
func (c *client) create(path, manager string, o object) (string, error) {
	body, status, err := c.do(http.MethodPost, path+"?fieldManager="+manager, "application/json", o)
	if status == http.StatusConflict {
		body, _, err = c.do(http.MethodGet, path+"/"+name(o), "", nil)
	}
	if err != nil {
		return "", err
	}
	var made struct {
		Metadata struct{ UID string } `json:"metadata"`
	}
	return made.Metadata.UID, json.Unmarshal(body, &made)
}

func (c *client) patchStatus(path, manager string, status object) error {
	_, _, err := c.do(http.MethodPatch, path+"/status?fieldManager="+manager, "application/merge-patch+json", object{"status": status})
	return err
}

func (c *client) do(method, path, kind string, o object) ([]byte, int, error) {
	var body io.Reader
	if o != nil {
		encoded, err := json.Marshal(o)
		if err != nil {
			return nil, 0, err
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequest(method, c.server+path, body)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Content-Type", kind)
	answer, err := c.http[c.turn.Add(1)%connections].Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %.300s", method, path, answer.Status, text)
	}
	return text, answer.StatusCode, err
}

func name(o object) string { return o["metadata"].(object)["name"].(string) }
