// A static HTTP server in Go, which makes its system calls itself. The version, read from a file at
// its start, and the pid are the answer to every request.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	address := flag.String("listen", "127.0.0.1:8080", "ADDRESS:PORT, or unix:PATH")
	versionFile := flag.String("version-file", "", "read the version from it")
	initTime := flag.Duration("init", 0, "between listen() and the first accept()")
	flag.Parse()

	version := "1"
	if *versionFile != "" {
		text, err := os.ReadFile(*versionFile)
		if err != nil {
			log.Fatal(err)
		}
		version = strings.TrimSpace(string(text))
	}
	network, where, found := strings.Cut(*address, ":")
	if !found || network != "unix" {
		network, where = "tcp", *address
	}
	listener, err := net.Listen(network, where)
	if err != nil {
		log.Fatal(err)
	}
	time.Sleep(*initTime)
	log.Fatal(http.Serve(listener, http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %d\n", version, os.Getpid())
		})))
}
