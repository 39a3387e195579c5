// The server of http-server.go, which upgrades itself by Cloudflare's tableflip at SIGHUP: what
// scripts/bench compares with. Each answer is the version, read from a file at the start, and the pid.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/cloudflare/tableflip"
)

func upgradeAtHangup(upgrader *tableflip.Upgrader) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	for range hangups {
		if err := upgrader.Upgrade(); err != nil {
			log.Println("upgrade failed:", err)
		}
	}
}

func main() {
	address := flag.String("listen", "127.0.0.1:8080", "ADDRESS:PORT")
	versionFile := flag.String("version-file", "", "read the version from it")
	initTime := flag.Duration("init", 0, "between listen() and the first accept()")
	flag.Parse()

	upgrader, err := tableflip.New(tableflip.Options{})
	if err != nil {
		log.Fatal(err)
	}
	go upgradeAtHangup(upgrader)
	text, err := os.ReadFile(*versionFile)
	if err != nil {
		log.Fatal(err)
	}
	version := strings.TrimSpace(string(text))
	listener, err := upgrader.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	time.Sleep(*initTime)
	server := http.Server{Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %d\n", version, os.Getpid())
		})}
	go server.Serve(listener)
	if err := upgrader.Ready(); err != nil {
		log.Fatal(err)
	}
	<-upgrader.Exit()
	server.Shutdown(context.Background())
}
