//go:build programs

// Package programs names the programs that `lab build` compiles, so that go.mod and go.sum cover all they need.
package programs

import (
	_ "sigs.k8s.io/cri-tools/cmd/crictl"
)
