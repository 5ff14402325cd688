// Seed fills a lab's API server with a big cluster's worth of objects, for benches: nodes with their Leases and
// CSINodes, and pods that run on them, ten to a Deployment. What exists already is left as it is.
package main

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const podsPerDeployment = 10

type options struct {
	server, ca, cert, key            string
	pods, nodes, namespaces, workers int
}

func main() {
	var o options
	flag.StringVar(&o.server, "server", "", "the API server, as https://10.88.0.11:6443")
	flag.StringVar(&o.ca, "ca", "", "`file` with the server's authority")
	flag.StringVar(&o.cert, "cert", "", "`file` with a client certificate of system:masters")
	flag.StringVar(&o.key, "key", "", "`file` with its key")
	flag.IntVar(&o.pods, "pods", 20000, "how many pods, rounded up to whole Deployments of ten")
	flag.IntVar(&o.nodes, "nodes", 1000, "how many nodes")
	flag.IntVar(&o.namespaces, "namespaces", 50, "over how many namespaces the pods are spread")
	flag.IntVar(&o.workers, "workers", 24, "how many requests at once")
	flag.Parse()
	began := time.Now()
	if err := seed(o); err != nil {
		fmt.Fprintln(os.Stderr, "seed:", err)
		os.Exit(1)
	}
	fmt.Printf("seeded %d nodes and %d pods in %.1f s\n", o.nodes, o.pods, time.Since(began).Seconds())
}

func seed(o options) error {
	if o.pods < 0 || o.nodes < 0 || o.namespaces < 1 || o.workers < 1 || o.pods > 0 && o.nodes < 1 {
		return fmt.Errorf("numbers that make no cluster: pods need nodes, a namespace and a worker")
	}
	c, err := newClient(o)
	if err != nil {
		return err
	}
	steps := []struct {
		count int
		make  func(int) error
	}{
		{o.namespaces, func(i int) error {
			_, err := c.create("/api/v1/namespaces", "seed", namespace(i))
			return err
		}},
		{o.nodes, func(i int) error { return c.createNode(i) }},
		{(o.pods + podsPerDeployment - 1) / podsPerDeployment, func(i int) error { return c.createDeployment(i, o) }},
	}
	for _, step := range steps {
		if err := each(step.count, o.workers, step.make); err != nil {
			return err
		}
	}
	return nil
}

// createNode makes one node as its kubelet would, with its heartbeat and its CSI drivers.
func (c *client) createNode(i int) error {
	uid, err := c.create("/api/v1/nodes", "kubelet", node(i))
	if err != nil {
		return err
	}
	if _, err := c.create("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", "kubelet", lease(i, uid)); err != nil {
		return err
	}
	_, err = c.create("/apis/storage.k8s.io/v1/csinodes", "kubelet", csiNode(i, uid))
	return err
}

// createDeployment makes a Deployment with its ReplicaSet and pods, and gives the pods the status of running ones.
func (c *client) createDeployment(i int, o options) error {
	const manager = "kube-controller-manager"
	space := namespaceName(i % o.namespaces)
	apps := "/apis/apps/v1/namespaces/" + space
	uid, err := c.create(apps+"/deployments", "helm", deployment(i, space))
	if err != nil {
		return err
	}
	uid, err = c.create(apps+"/replicasets", manager, replicaSet(i, space, uid))
	if err != nil {
		return err
	}
	pods := "/api/v1/namespaces/" + space + "/pods"
	for replica := range podsPerDeployment {
		n := i*podsPerDeployment + replica
		if n >= o.pods {
			break
		}
		pod := pod(i, n, n%o.nodes, space, uid)
		if _, err := c.create(pods, manager, pod); err != nil {
			return err
		}
		if err := c.patchStatus(pods+"/"+name(pod), "kubelet", podStatus(n, n%o.nodes)); err != nil {
			return err
		}
	}
	return nil
}

// each calls f for 0 to count-1, on several workers, and stops at the first error.
func each(count, workers int, f func(int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	for range min(workers, count) {
		group.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				if err := f(i); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
