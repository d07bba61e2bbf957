package docker

import (
	"slices"
	"strings"

	"box/personalities/cmd"
	"box/personalities/docker/container"
	"box/personalities/docker/context"
	"box/personalities/docker/image"
	"box/personalities/docker/inspect"
	"box/personalities/docker/network"
	"box/personalities/docker/run"
	"box/personalities/docker/session"
	"box/personalities/docker/system"
	"box/personalities/docker/table"
	"box/personalities/docker/volume"
)

// command is a row of the table of commands. kong builds a model only of the one that was typed.
type command struct {
	names    []string // all names, without "docker"
	synopsis string
	summary  string // empty: not listed
	min, max int    // number of arguments
	run      session.Runner
}

// Values of command.max other than a number of arguments.
const (
	many        = -1
	passthrough = -2 // any number; flags after the first belong to the container's program
)

// commands returns the table of all commands.
func commands() []command {
	return []command{
		{names("container attach", "attach"), "[OPTIONS] CONTAINER",
			"Attach local standard input, output, and error streams to a running container", 1, 1, &container.Attach{}},
		{names("container commit", "commit"), "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
			"Create a new image from a container's changes", 1, 2, &container.Commit{}},
		{names("container cp", "cp"), "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tdocker cp [OPTIONS] SRC_PATH|- " +
			"CONTAINER:DEST_PATH",
			"Copy files/folders between a container and the local filesystem", 2, 2, &container.Cp{}},
		{names("container create", "create"), "[OPTIONS] IMAGE [COMMAND] [ARG...]",
			"Create a new container", 1, passthrough, &run.Create{}},
		{names("container diff", "diff"), "CONTAINER",
			"Inspect changes to files or directories on a container's filesystem", 1, 1, &container.Diff{}},
		{names("container exec", "exec"), "[OPTIONS] CONTAINER COMMAND [ARG...]",
			"Execute a command in a running container", 2, passthrough, &container.Exec{}},
		{names("container export", "export"), "[OPTIONS] CONTAINER",
			"Export a container's filesystem as a tar archive", 1, 1, &container.Export{}},
		{names("container inspect"), "[OPTIONS] CONTAINER [CONTAINER...]",
			"Display detailed information on one or more containers", 1, many, &container.Inspect{}},
		{names("container kill", "kill"), "[OPTIONS] CONTAINER [CONTAINER...]",
			"Kill one or more running containers", 1, many, &container.Kill{}},
		{names("container logs", "logs"), "[OPTIONS] CONTAINER",
			"Fetch the logs of a container", 1, 1, &container.Logs{}},
		{names("container ls", "container list", "container ps", "ps"), "[OPTIONS]",
			"List containers", 0, 0, &container.Ls{}},
		{names("container pause", "pause"), "CONTAINER [CONTAINER...]",
			"Pause all processes within one or more containers", 1, many, &container.Pause{}},
		{names("container port", "port"), "CONTAINER [PRIVATE_PORT[/PROTO]]",
			"List port mappings or a specific mapping for the container", 1, 2, &container.Port{}},
		{names("container prune"), "[OPTIONS]", "Remove all stopped containers", 0, 0, &container.Prune{}},
		{names("container rename", "rename"), "CONTAINER NEW_NAME", "Rename a container", 2, 2, &container.Rename{}},
		{names("container restart", "restart"), "[OPTIONS] CONTAINER [CONTAINER...]",
			"Restart one or more containers", 1, many, &container.Restart{}},
		{names("container rm", "container remove", "rm"), "[OPTIONS] CONTAINER [CONTAINER...]",
			"Remove one or more containers", 1, many, &container.Rm{}},
		{names("container run", "run"), "[OPTIONS] IMAGE [COMMAND] [ARG...]",
			"Create and run a new container from an image", 1, passthrough, &run.Run{}},
		{names("container start", "start"), "[OPTIONS] CONTAINER [CONTAINER...]",
			"Start one or more stopped containers", 1, many, &container.Start{}},
		{names("container stats", "stats"), "[OPTIONS] [CONTAINER...]",
			"Display a live stream of container(s) resource usage statistics", 0, many, &container.Stats{}},
		{names("container stop", "stop"), "[OPTIONS] CONTAINER [CONTAINER...]",
			"Stop one or more running containers", 1, many, &container.Stop{}},
		{names("container top", "top"), "CONTAINER [ps OPTIONS]",
			"Display the running processes of a container", 1, passthrough, &container.Top{}},
		{names("container unpause", "unpause"), "CONTAINER [CONTAINER...]",
			"Unpause all processes within one or more containers", 1, many, &container.Unpause{}},
		{names("container update", "update"), "[OPTIONS] CONTAINER [CONTAINER...]",
			"Update configuration of one or more containers", 1, many, &container.Update{}},
		{names("container wait", "wait"), "CONTAINER [CONTAINER...]",
			"Block until one or more containers stop, then print their exit codes", 1, many, &container.Wait{}},

		{names("image history", "history"), "[OPTIONS] IMAGE",
			"Show the history of an image", 1, 1, &image.History{}},
		{names("image import", "import"), "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
			"Import the contents from a tarball to create a filesystem image", 1, 2, &image.Import{}},
		{names("image inspect"), "[OPTIONS] IMAGE [IMAGE...]",
			"Display detailed information on one or more images", 1, many, &image.Inspect{}},
		{names("image load", "load"), "[OPTIONS] [FILE|FOLDER...]",
			"Load an image from a tar archive or STDIN", 0, many, &image.Load{}},
		{names("image ls", "image list", "images"), "[OPTIONS] [REPOSITORY[:TAG]]", "List images", 0, 1, &image.Ls{}},
		{names("image prune"), "[OPTIONS]", "Remove unused images", 0, 0, &image.Prune{}},
		{names("image pull", "pull"), "[OPTIONS] NAME[:TAG|@DIGEST]",
			"Download an image from a registry", 1, 1, &image.Pull{}},
		{names("image push", "push"), "[OPTIONS] NAME[:TAG]", "Upload an image to a registry", 1, 1, &image.Push{}},
		{names("image rm", "image remove", "rmi"), "[OPTIONS] IMAGE [IMAGE...]",
			"Remove one or more images", 1, many, &image.Rm{}},
		{names("image save", "save"), "[OPTIONS] IMAGE [IMAGE...]",
			"Save one or more images to a tar archive (streamed to STDOUT by default)", 1, many, &image.Save{}},
		{names("image tag", "tag"), "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
			"Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE", 2, 2, &image.Tag{}},

		{names("network connect"), "[OPTIONS] NETWORK CONTAINER",
			"Connect a container to a network", 2, 2, &network.Connect{}},
		{names("network create"), "[OPTIONS] NETWORK", "Create a network", 1, 1, &network.Create{}},
		{names("network disconnect"), "[OPTIONS] NETWORK CONTAINER",
			"Disconnect a container from a network", 2, 2, &network.Disconnect{}},
		{names("network inspect"), "[OPTIONS] NETWORK [NETWORK...]",
			"Display detailed information on one or more networks", 1, many, &network.Inspect{}},
		{names("network ls", "network list"), "[OPTIONS]", "List networks", 0, 0, &network.Ls{}},
		{names("network prune"), "[OPTIONS]", "Remove all unused networks", 0, 0, &network.Prune{}},
		{names("network rm", "network remove"), "NETWORK [NETWORK...]",
			"Remove one or more networks", 1, many, &network.Rm{}},

		{names("context create"), "[OPTIONS] CONTEXT", "Create a context", 1, 1, &context.Create{}},
		{names("context export"), "[OPTIONS] CONTEXT [FILE|-]",
			"Export a context to a tar archive FILE or a tar stream on STDOUT.", 1, 2, &context.Export{}},
		{names("context import"), "CONTEXT FILE|-", "Import a context from a tar file", 2, 2, &context.Import{}},
		{names("context inspect"), "[OPTIONS] [CONTEXT] [CONTEXT...]",
			"Display detailed information on one or more contexts", 0, many, &context.Inspect{}},
		{names("context ls", "context list"), "[OPTIONS]", "List contexts", 0, 0, &context.Ls{}},
		{names("context rm", "context remove"), "CONTEXT [CONTEXT...]",
			"Remove one or more contexts", 1, many, &context.Rm{}},
		{names("context show"), "", "Print the name of the current context", 0, 0, &context.Show{}},
		{names("context update"), "[OPTIONS] CONTEXT", "Update a context", 1, 1, &context.Update{}},
		{names("context use"), "CONTEXT", "Set the current docker context", 1, 1, &context.Use{}},

		{names("volume create"), "[OPTIONS] [VOLUME]", "Create a volume", 0, 1, &volume.Create{}},
		{names("volume inspect"), "[OPTIONS] VOLUME [VOLUME...]",
			"Display detailed information on one or more volumes", 1, many, &volume.Inspect{}},
		{names("volume ls", "volume list"), "[OPTIONS]", "List volumes", 0, 0, &volume.Ls{}},
		{names("volume prune"), "[OPTIONS]", "Remove unused local volumes", 0, 0, &volume.Prune{}},
		{names("volume rm", "volume remove"), "[OPTIONS] VOLUME [VOLUME...]",
			"Remove one or more volumes", 1, many, &volume.Rm{}},

		{names("system dial-stdio"), "", "", 0, 0, &system.DialStdio{}},
		{names("system df"), "[OPTIONS]", "Show docker disk usage", 0, 0, &system.Df{}},
		{names("system events", "events"), "[OPTIONS]",
			"Get real time events from the server", 0, 0, &system.Events{}},
		{names("system info", "info"), "[OPTIONS]", "Display system-wide information", 0, 0, &system.Info{}},
		{names("system migrate"), "--from DRIVER [OPTIONS]",
			"Move images and containers from another storage driver to the daemon's", 0, 0, &system.Migrate{}},
		{names("system prune"), "[OPTIONS]", "Remove unused data", 0, 0, &system.Prune{}},

		{names("builder prune"), "[OPTIONS]", "Remove build cache", 0, 0, &system.BuilderPrune{}},
		{names("search"), "[OPTIONS] TERM", "Search Docker Hub for images", 1, 1, &image.Search{}},

		{names("completion"), "SHELL",
			"Print the completion script for a shell: bash, zsh or fish", 1, 1, &completion{}},
		{names("inspect"), "[OPTIONS] NAME|ID [NAME|ID...]",
			"Return low-level information on Docker objects", 1, many, &inspect.Inspect{}},
		{names("login"), "[OPTIONS] [SERVER]", "Authenticate to a registry", 0, 1, &system.Login{}},
		{names("logout"), "[SERVER]", "Log out from a registry", 0, 1, &system.Logout{}},
		{names("version"), "[OPTIONS]", "Show the Docker version information", 0, 0, &system.Version{}},
	}
}

func names(n ...string) []string { return n }

// group is a noun with its own commands.
type group struct{ name, summary string }

func groups() []group {
	return []group{
		{"builder", "Manage builds"},
		{"container", "Manage containers"},
		{"context", "Manage contexts"},
		{"image", "Manage images"},
		{"network", "Manage networks"},
		{"system", "Manage Docker"},
		{"volume", "Manage volumes"},
	}
}

// common lists the first block of help: what a new user needs, in that order.
func common() []string {
	return []string{"run", "exec", "ps", "pull", "push", "images", "login", "logout", "search", "version", "info"}
}

// find returns the row named by the first words, and how many words name it.
func find(words []string) (*command, int) {
	table := commands()
	for n := min(2, len(words)); n > 0; n-- {
		name := strings.Join(words[:n], " ")
		for i := range table {
			for _, have := range table[i].names {
				if have == name {
					return &table[i], n
				}
			}
		}
	}
	return nil, 0
}

// isCommand tells whether words are a command or the beginning of one.
func isCommand(words string) bool {
	return slices.ContainsFunc(commands(), func(c command) bool {
		return slices.ContainsFunc(c.names,
			func(name string) bool { return name == words || strings.HasPrefix(name, words+" ") })
	})
}

func findGroup(name string) *group {
	for _, g := range groups() {
		if g.name == name {
			return &g
		}
	}
	return nil
}

// usage describes the command line of the row's command under the name path.
func (c *command) usage(path string) *cmd.Usage {
	u := &cmd.Usage{Path: path, Synopsis: c.synopsis, Summary: c.summary, Min: c.min, Max: c.max,
		First:   c.max == passthrough,
		Options: c.run, Sorted: true, Checks: run.Checks(), Vars: map[string]string{"format": table.FormatHelp}}
	if len(c.names) > 1 {
		for _, n := range c.names {
			u.Aliases = append(u.Aliases, "docker "+n)
		}
	}
	return u
}
