//go:build programs

// Package programs names the programs that `lab build` compiles, so that go.mod and go.sum cover all they need.
package programs

import (
	_ "go.etcd.io/etcd/etcdctl/v3"
	_ "go.etcd.io/etcd/etcdutl/v3"
)
