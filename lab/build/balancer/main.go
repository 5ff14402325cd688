// Command balancer passes TCP connections on: balancer LISTEN SERVER…. Each goes to the next server in turn that takes
// it, so an API server that is away costs a client nothing but the connections that it held.
package main

import (
	"io"
	"log"
	"net"
	"os"
	"sync/atomic"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: balancer LISTEN SERVER…")
	}
	servers := os.Args[2:]
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var turn atomic.Uint64
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Print(err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		go pass(client, servers, turn.Add(1))
	}
}

// pass joins the client with the first server, from its turn on, that takes a connection within a second.
func pass(client net.Conn, servers []string, turn uint64) {
	defer client.Close()
	for attempt := range servers {
		server, err := net.DialTimeout("tcp", servers[(turn+uint64(attempt))%uint64(len(servers))], time.Second)
		if err != nil {
			log.Print(err)
			continue
		}
		defer server.Close()
		done := make(chan struct{}, 2)
		go stream(server, client, done)
		go stream(client, server, done)
		// Both ends are closed as soon as one direction ends: TLS says goodbye inside of it.
		<-done
		return
	}
}

func stream(to, from net.Conn, done chan<- struct{}) {
	_, _ = io.Copy(to, from)
	done <- struct{}{}
}
