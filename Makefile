# box: one static file that is the container daemon, its client and their tools.
SHELL := /bin/bash
BOX   := $(CURDIR)/box
# Registries and clients are spoken to in HTTP/1.1: HTTP/2 would be half a megabyte. Checkpoints are not offered, and
# libcontainer's half of them would be two thirds of one.
TAGS  := netgo,osusergo,nethttpomithttp2,runc_nocriu,seccomp
# The commit and its date are in the file where it is built from a checkout.
VCS   := -buildvcs=$(if $(shell git rev-parse HEAD 2>/dev/null),true,false)
LD    := -s -w -linkmode external -extldflags -static
# libcontainer is built for libseccomp, in whose place is the filter compiler of engine/seccomp.
export PKG_CONFIG := $(CURDIR)/engine/seccomp/libseccomp/pkg-config
export CGO_ENABLED := 1

.PHONY: help build page demo test kill-test browser-test cover vm-test vm-power-history vm-test-arm64 race lint bench bench-drivers bench-monitor cross install clean tools compare golden lograte fuzz

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 15

build: tools page ## Build ./box, static and stripped
	CC="$$(sh testdata/cc)" go build -trimpath $(VCS) -tags $(TAGS) -ldflags '$(LD)' -o $(BOX) .

tools: ## See to it that Go and a C compiler are there
	@sh testdata/need go:golang-go gcc:gcc /usr/include/stdlib.h:libc6-dev
	@[ "$$(id -u)" != 0 ] || sh testdata/need musl-gcc:musl-tools || true

page: ## Make what is embedded: the page of the monitor, its charts, which npm fetches once, and an empty ext4
	@sh testdata/charts/pack
	@sh testdata/ext4/pack

demo: build ## Run a container from the embedded image by a daemon of its own, and clean up
	@sh testdata/demo $(BOX)

# What the tests speak to, make things with, or compare with.
PEERS := busybox:busybox-static crun:crun nft:nftables iptables-legacy:iptables ip:iproute2 strace:strace curl:curl pgrep:procps tmux:tmux \
	/usr/include/seccomp.h:libseccomp-dev /usr/sbin/sshd:openssh-server ssh:openssh-client service:init-system-helpers \
	/usr/sbin/dockerd:docker.io docker:docker-cli/docker.io docker-registry:docker-registry docker-compose:docker-compose skopeo:skopeo \
	python3:python3 /usr/lib/python3/dist-packages/docker/__init__.py:python3-docker jq:jq openssl:openssl script:bsdutils unshare:util-linux \
	apparmor_parser:apparmor /usr/sbin/mkfs.btrfs:btrfs-progs /usr/sbin/mkfs.xfs:xfsprogs promtool:prometheus influxd:influxdb

test: build ## Run the tests; as root those that start containers too, with RUNTIME=runc by that runtime; TESTS chooses some of personalities/suite
	@[ "$$(id -u)" != 0 ] || sh testdata/need $(PEERS)
	@BOX_BINARY=$(BOX) BOX_RUNTIME=$(RUNTIME) TESTS="$(TESTS)" sh testdata/test

KILLS = 100
kill-test: build ## Kill the daemon KILLS times under load, create, commit and rm, on each storage driver of DRIVER; it is ready within 5 s, and all has an owner
	@sh testdata/need $(PEERS)
	@BOX_KILLS=$(KILLS) BOX_DRIVERS="$(or $(DRIVER),overlay2 btrfs)" BOX_READY_MS=5000 BOX_BINARY=$(BOX) \
		go test -tags $(TAGS) -count=1 -timeout 60m -v -run 'TestScript/kills$$' ./personalities/suite | grep -v '^=== '

vm-test: build ## Boot a Linux that has nothing else in a virtual machine and test there: control groups v2, initramfs, little memory, power cuts; KERNEL and MODULES are another one, SESSIONS=aufs wants one with aufs
	@sh testdata/need qemu-system-x86_64:qemu-system-x86 busybox:busybox-static lz4:lz4 /sbin/mke2fs:e2fsprogs
	@RUNTIME=$(RUNTIME) KILLS=$(KILLS) KERNEL="$(KERNEL)" MODULES="$(MODULES)" bash testdata/vm/test $(BOX) $(SESSIONS)

HISTORY_CUTS = 100
CHAINS ?= 4
vm-power-history: build ## Cut the power of machines that measure HISTORY_CUTS times, CHAINS at once, and look at what is there of the past: 40 minutes
	@sh testdata/need qemu-system-x86_64:qemu-system-x86 busybox:busybox-static lz4:lz4 /sbin/mke2fs:e2fsprogs
	@HISTORY_CUTS=$(HISTORY_CUTS) CHAINS=$(CHAINS) bash testdata/vm/test $(BOX) history

vm-test-arm64: cross ## The same on an arm64 machine, in emulation
	@sh testdata/need qemu-system-aarch64:qemu-system-arm busybox:busybox-static /sbin/mke2fs:e2fsprogs
	@ARCH=arm64 CC=aarch64-linux-gnu-gcc bash testdata/vm/test $(BOX)-arm64 $(or $(SESSIONS),groups ram)

browser-test: build ## The page of the monitor in headless Chromium; pictures go to PICTURES
	@sh testdata/need chromium:chromium npm:npm busybox:busybox-static
	@sh testdata/browser/run $(BOX) $(PICTURES)

FUZZTIME = 60s
fuzz: tools ## Fuzz command lines, the HTTP edge, archives of images, paths of containers, and files of the monitor, FUZZTIME for each target or half of it
	@sh testdata/fuzz $(TAGS) $(FUZZTIME)

cover: tools ## How much of the engine and the API the tests reach as an ordinary user
	@sh testdata/need setpriv:util-linux
	@sh testdata/cover

race: tools ## Test the keeper, the engine, its locks and the API under Go's race detector
	go test -race -tags $(TAGS) -count=1 \
		./engine/keeper ./engine ./engine/attach ./engine/lifecycle ./engine/rootfs ./netapi

lint: tools ## Format, vet, staticcheck and the rules of imports
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet -tags $(TAGS) ./...
	@# The texts of many errors are Docker's, which begin with a capital or end in a full stop (ST1005).
	go tool staticcheck -checks inherit,-ST1005 -tags $(TAGS) ./...
	go test -count=1 -run 'TestLayers' .

golden: build ## Record testdata/api anew from Debian's Docker
	@sh testdata/need dockerd:docker.io busybox:busybox-static
	@BOX_RECORD=1 BOX_BINARY=$(BOX) go test -tags $(TAGS) -count=1 -run TestGolden ./personalities/suite

compare: build ## Run the same sessions with Docker's client and daemon and with box's, and compare; SESSION=name runs one
	@sh testdata/need dockerd:docker.io busybox:busybox-static ip:iproute2 script:bsdutils nsenter:util-linux
	@BOX_COMPARE=$(or $(SESSION),1) BOX_BINARY=$(BOX) go test -tags $(TAGS) -count=1 -timeout 15m -run TestCompare -v ./personalities/suite

lograte: build ## A million lines of log through rotation and a follower, beside Debian's Docker where it is installed
	@BOX_LOG_LINES=1000000 BOX_BINARY=$(BOX) go test -tags $(TAGS) -count=1 -timeout 5m -run TestLogRate -v ./personalities/suite

bench: build ## Measure box, and Debian's Docker beside it where it is installed
	@sh testdata/bench $(BOX)

SVG ?= drivers.svg
bench-drivers: build ## Measure each storage driver, and Debian's Docker beside it where it is installed: a table, and a chart in the file SVG; DRIVERS names some
	@sh testdata/need busybox:busybox-static unshare:util-linux /sbin/mkfs.btrfs:btrfs-progs /sbin/mkfs.ext4:e2fsprogs
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; go build -o "$$dir/bench-drivers" ./testdata/bench-drivers && \
	unshare -n -m --propagation private sh -c 'ip link set lo up; exec "$$0" "$$@"' "$$dir/bench-drivers" $(BOX) $(SVG) $(DRIVERS)

bench-monitor: build ## What it costs to measure 100 containers, beside the real cAdvisor, which is built in a temporary folder where its module can be had
	@sh testdata/need busybox:busybox-static curl:curl unshare:util-linux
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; sh testdata/cadvisor/build "$$dir/cadvisor" || { echo "there is no cAdvisor" >&2; rm -f "$$dir/cadvisor"; }; \
	testdata/bench-monitor $(BOX) $$(ls "$$dir"/cadvisor 2>/dev/null)

cross: tools page ## Build for arm64 (needs gcc-aarch64-linux-gnu)
	@sh testdata/need aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu
	CC=aarch64-linux-gnu-gcc GOARCH=arm64 go build -trimpath $(VCS) -tags $(TAGS) -ldflags '$(LD)' -o $(BOX)-arm64 .

install: build ## Install to /usr/bin with the links docker and dockerd
	$(BOX) install

clean: ## Remove what the build made
	rm -f $(BOX) $(BOX)-arm64
