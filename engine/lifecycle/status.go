package lifecycle

import (
	"time"

	api "github.com/moby/moby/api/types/container"

	"box/engine/network"
	"box/engine/state"
)

// Status is what changes while a container lives. It is saved in the exec root at once, and in the state file within a
// second.
type Status struct {
	Seq       uint64 // counts changes: of two copies the one with the higher number holds
	State     api.ContainerState
	Pid       int
	ExitCode  int
	Error     string
	OOMKilled bool
	Started   time.Time
	Finished  time.Time
	Restarts  int                // by the restart policy, since the last start by hand
	ByHand    bool               // stopped by hand: unless-stopped leaves it alone, even when the daemon starts
	NoRestart bool               // asked to end: the restart policy leaves it alone until the next start
	Backoff   time.Duration      // before the last restart by the policy
	Endpoints []network.Endpoint // what the network plane holds for it
	Sandbox   string             // path of its network namespace
	Health    *api.Health        // nil without a health check; what it points to is never written in place
}

// Statuses is the table of all statuses, by ID.
var Statuses = state.Table[Status]{Name: "statuses"}

// Running tells whether the program is running or paused.
func (s *Status) Running() bool {
	return s.State == api.StateRunning || s.State == api.StatePaused
}

// HealthStatus returns the health as filters name it.
func (s *Status) HealthStatus() api.HealthStatus {
	if s.Health == nil {
		return api.NoHealthcheck
	}
	return s.Health.Status
}

// transitions are those in the diagram at Container.
var transitions = map[api.ContainerState][]api.ContainerState{
	api.StateCreated:    {api.StateRunning, api.StateRemoving},
	api.StateRunning:    {api.StatePaused, api.StateRestarting, api.StateExited},
	api.StatePaused:     {api.StateRunning, api.StateRestarting, api.StateExited},
	api.StateRestarting: {api.StateRunning, api.StateExited, api.StateRemoving},
	api.StateExited:     {api.StateRunning, api.StateRemoving, api.StateRestarting},
	api.StateRemoving:   {api.StateDead},
	api.StateDead:       {api.StateRemoving},
}
