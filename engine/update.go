package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"box/engine/refuse"
	"box/engine/spec"
	"box/engine/state"
)

// Update changes a container's limits, of the running program too, and its restart policy. What u leaves out stays as it is. After
// an error nothing is changed.
func (e *Engine) Update(ctx context.Context, ref string, u api.UpdateConfig) (warnings []string, err error) {
	c, err := e.container(ref)
	if err != nil {
		return nil, err
	}
	if u.PidsLimit != nil && *u.PidsLimit <= 0 {
		u.PidsLimit = new(int64) // none, as each of these means
	}
	c.op.Lock()
	defer c.op.Unlock()
	rec := c.snapshot()
	if warnings, err = e.checkUpdate(&u, &rec.Host.Resources); err != nil {
		return nil, err
	}
	st, _ := c.now()
	if c.gone || c.damaged != "" || st.State == api.StateRemoving || st.State == api.StateDead {
		return nil, cannotUpdate(rec.ID, refuse.Conflict(`container is marked for removal and cannot be "update"`))
	}
	host := *rec.Host
	if err := updated(&host, &u); err != nil {
		return nil, cannotUpdate(rec.ID, err)
	}
	if st.running() {
		if err := e.updateRunning(ctx, rec.ID, &u.Resources); err != nil {
			return nil, cannotUpdate(rec.ID, err)
		}
	}
	rec.Host = &host
	if err := e.db.Update(func(tx *state.Tx) error { return recordTable.Put(tx, rec.ID, rec) }); err != nil {
		if st.running() {
			before := c.snapshot().Host.Resources
			err = errors.Join(err, e.updateRunning(context.WithoutCancel(ctx), rec.ID, &before))
		}
		return nil, err
	}
	e.writeBeside(&rec)
	c.mu.Lock()
	c.rec.Host = rec.Host
	c.mu.Unlock()
	if st.running() {
		e.watchOOM(c, false) // there may be a limit now
	}
	e.publish(ctx, c, events.ActionUpdate)
	return warnings, nil
}

// checkUpdate refuses what create refuses. A limit of swap alone stands beside the limit of memory that there is.
func (e *Engine) checkUpdate(u *api.UpdateConfig, have *api.Resources) ([]string, error) {
	if u.RestartPolicy.Name != "" {
		if err := api.ValidateRestartPolicy(u.RestartPolicy); err != nil {
			return nil, refuse.Invalid("%v", err)
		}
	}
	alone := u.Memory == 0 && u.MemorySwap > 0
	if alone {
		u.Memory = have.Memory
	}
	swap := u.MemorySwap
	warnings, err := limits(&u.Resources, e.o.Limits)
	if alone {
		u.Memory = 0
	}
	if swap == 0 {
		u.MemorySwap = 0 // where swap cannot be limited nothing is to be said about it
	}
	return warnings, err
}

func (e *Engine) updateRunning(ctx context.Context, id string, r *api.Resources) error {
	s, err := spec.Resources(r)
	if err != nil {
		return err
	}
	err = e.o.Tasks.Task(id).Update(ctx, s)
	if errdefs.IsNotFound(err) {
		return nil // it has just ended: the next start takes the new limits
	}
	return err
}

// cannotUpdate says what failed and keeps the class.
func cannotUpdate(id string, err error) error {
	text := fmt.Sprintf("Cannot update container %s: %v", id, err)
	if errdefs.IsConflict(err) {
		return refuse.Conflict("%s", text)
	}
	return refuse.Internal("%s", text)
}

// updated changes h as u says, by Docker's rules of what may follow what.
func updated(h *api.HostConfig, u *api.UpdateConfig) error {
	have, want := &h.Resources, &u.Resources
	switch {
	case want.NanoCPUs > 0 && have.CPUPeriod > 0:
		return refuse.Conflict("Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set")
	case want.NanoCPUs > 0 && have.CPUQuota > 0:
		return refuse.Conflict("Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set")
	case want.CPUPeriod > 0 && have.NanoCPUs > 0:
		return refuse.Conflict("Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set")
	case want.CPUQuota > 0 && have.NanoCPUs > 0:
		return refuse.Conflict("Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set")
	case want.Memory != 0 && have.MemorySwap >= 0 && want.Memory > have.MemorySwap && want.MemorySwap == 0:
		return refuse.Conflict("Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time")
	case u.RestartPolicy.Name != "" && h.AutoRemove && !u.RestartPolicy.IsNone():
		return refuse.Conflict("Restart policy cannot be updated because AutoRemove is enabled for the container")
	}
	setUnlessZero(&have.BlkioWeight, want.BlkioWeight)
	setUnlessEmpty(&have.BlkioWeightDevice, want.BlkioWeightDevice)
	setUnlessEmpty(&have.BlkioDeviceReadBps, want.BlkioDeviceReadBps)
	setUnlessEmpty(&have.BlkioDeviceWriteBps, want.BlkioDeviceWriteBps)
	setUnlessEmpty(&have.BlkioDeviceReadIOps, want.BlkioDeviceReadIOps)
	setUnlessEmpty(&have.BlkioDeviceWriteIOps, want.BlkioDeviceWriteIOps)
	setUnlessZero(&have.CPUShares, want.CPUShares)
	setUnlessZero(&have.NanoCPUs, want.NanoCPUs)
	setUnlessZero(&have.CPUPeriod, want.CPUPeriod)
	setUnlessZero(&have.CPUQuota, want.CPUQuota)
	setUnlessZero(&have.CPURealtimePeriod, want.CPURealtimePeriod)
	setUnlessZero(&have.CPURealtimeRuntime, want.CPURealtimeRuntime)
	setUnlessZero(&have.CpusetCpus, want.CpusetCpus)
	setUnlessZero(&have.CpusetMems, want.CpusetMems)
	setUnlessZero(&have.Memory, want.Memory)
	setUnlessZero(&have.MemorySwap, want.MemorySwap)
	setUnlessZero(&have.MemoryReservation, want.MemoryReservation)
	if want.PidsLimit != nil {
		have.PidsLimit = want.PidsLimit
	}
	if u.RestartPolicy.Name != "" {
		h.RestartPolicy = u.RestartPolicy
	}
	return nil
}

func setUnlessZero[T comparable](field *T, v T) {
	var zero T
	if v != zero {
		*field = v
	}
}

func setUnlessEmpty[T any](list *[]T, v []T) {
	if len(v) > 0 {
		*list = v
	}
}
