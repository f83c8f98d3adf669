//! The facts about the running kernel that the kernel side needs: byte offsets and argument positions. User space resolves them
//! by name from the kernel's BTF at the start, and freezes them as read-only data before it loads the programs.
//!
//! The verifier sees each slot as a constant. It therefore rejects a wrong offset through a typed pointer when a program is
//! loaded, and it removes branches on [`ABSENT`]. When `rustc` can emit relocations itself, only this file and `kernel/` of the
//! kernel side have to change.

/// The value of a slot that this kernel does not have.
pub const ABSENT: u32 = u32::MAX;

/// Number of slots of [`KernelLayout`].
pub const SLOTS: usize = 121;

/// The resolved slots. Each `u32` is an offset in bytes, a size in bytes, a position or a number of elements, or [`ABSENT`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct KernelLayout {
    /// Of `struct task_struct`: `flags`; `PF_*` bits.
    pub task_struct_flags: u32,
    /// Of `struct task_struct`: `mm`; `NULL` for kernel threads and after its release.
    pub task_struct_mm: u32,
    /// Of `struct task_struct`: `pid`; the thread id.
    pub task_struct_pid: u32,
    /// Of `struct task_struct`: `tgid`; the process id.
    pub task_struct_tgid: u32,
    /// Of `struct task_struct`: `group_leader`.
    pub task_struct_group_leader: u32,
    /// Of `struct task_struct`: `real_parent`.
    pub task_struct_real_parent: u32,
    /// Of `struct task_struct`: `vfork_done`; set until a child of `vfork` has its own memory.
    pub task_struct_vfork_done: u32,
    /// Of `struct task_struct`: `thread_pid`; `NULL` after its release.
    pub task_struct_thread_pid: u32,
    /// Of `struct task_struct`: `start_boottime`.
    pub task_struct_start_boottime: u32,
    /// Of `struct task_struct`: `real_cred`; the kernel's log prints its uid.
    pub task_struct_real_cred: u32,
    /// Of `struct task_struct`: `comm`.
    pub task_struct_comm: u32,
    /// Of `struct task_struct`: `signal`.
    pub task_struct_signal: u32,
    /// Of `struct task_struct`: `cgroups`.
    pub task_struct_cgroups: u32,
    /// Of `struct signal_struct`: `oom_score_adj`; s16.
    pub signal_struct_oom_score_adj: u32,
    /// Of `struct signal_struct`: `oom_mm`; set if the process is a victim.
    pub signal_struct_oom_mm: u32,
    /// Of `struct signal_struct`: `oom_flag_origin`; bool.
    pub signal_struct_oom_flag_origin: u32,
    /// Of `struct signal_struct`: `pids_tgid`; `pids[PIDTYPE_TGID]`.
    pub signal_struct_pids_tgid: u32,
    /// Of `struct signal_struct`: `live`.
    pub signal_struct_live: u32,
    /// Of `struct mm_struct`: `total_vm`.
    pub mm_struct_total_vm: u32,
    /// Of `struct mm_struct`: `pgtables_bytes`.
    pub mm_struct_pgtables_bytes: u32,
    /// Of `struct mm_struct`: `rss_file`; the value of `MM_FILEPAGES`.
    pub mm_struct_rss_file: u32,
    /// Of `struct mm_struct`: `rss_anon`; the value of `MM_ANONPAGES`.
    pub mm_struct_rss_anon: u32,
    /// Of `struct mm_struct`: `rss_swap`; the value of `MM_SWAPENTS`.
    pub mm_struct_rss_swap: u32,
    /// Of `struct mm_struct`: `rss_shmem`; the value of `MM_SHMEMPAGES`.
    pub mm_struct_rss_shmem: u32,
    /// Of `struct mm_struct`: `rss_percpu`; the distance from a counter's value to its per-CPU pointer; absent if the counters
    /// are not per CPU.
    pub mm_struct_rss_percpu: u32,
    /// Of `struct mm_struct`: `arg_start`; the start of the arguments.
    pub mm_struct_arg_start: u32,
    /// Of `struct mm_struct`: `arg_end`; the end of the arguments.
    pub mm_struct_arg_end: u32,
    /// Of `struct mm_struct`: `flags`; `MMF_*` bits.
    pub mm_struct_flags: u32,
    /// Of `struct oom_control`: `zonelist`.
    pub oom_control_zonelist: u32,
    /// Of `struct oom_control`: `memcg`.
    pub oom_control_memcg: u32,
    /// Of `struct oom_control`: `gfp_mask`.
    pub oom_control_gfp_mask: u32,
    /// Of `struct oom_control`: `order`.
    pub oom_control_order: u32,
    /// Of `struct oom_control`: `totalpages`.
    pub oom_control_totalpages: u32,
    /// Of `struct oom_control`: `chosen`.
    pub oom_control_chosen: u32,
    /// Of `struct oom_control`: `chosen_points`.
    pub oom_control_chosen_points: u32,
    /// Of `struct oom_control`: `constraint`.
    pub oom_control_constraint: u32,
    /// Of `struct mem_cgroup`: `cgroup`; `css.cgroup`.
    pub mem_cgroup_cgroup: u32,
    /// Of `struct mem_cgroup`: `parent`; `css.parent`.
    pub mem_cgroup_parent: u32,
    /// Of `struct mem_cgroup`: `usage`; `memory.usage`.
    pub mem_cgroup_usage: u32,
    /// Of `struct mem_cgroup`: `max`; `memory.max`.
    pub mem_cgroup_max: u32,
    /// Of `struct mem_cgroup`: `high`; `memory.high`.
    pub mem_cgroup_high: u32,
    /// Of `struct mem_cgroup`: `swap_usage`; `swap.usage` or, on v1, `memsw.usage`: a union.
    pub mem_cgroup_swap_usage: u32,
    /// Of `struct mem_cgroup`: `swap_max`; `swap.max` or `memsw.max`.
    pub mem_cgroup_swap_max: u32,
    /// Of `struct mem_cgroup`: `oom_group`.
    pub mem_cgroup_oom_group: u32,
    /// Of `struct mem_cgroup`: `css`; to get from a `css` to its `mem_cgroup`.
    pub mem_cgroup_css: u32,
    /// Of `struct css_set`: `memory`; `subsys[memory_cgrp_id]`.
    pub css_set_memory: u32,
    /// Of `struct cgroup_subsys_state`: `cgroup`; `cgroup_subsys_state.cgroup`.
    pub css_cgroup: u32,
    /// Of `struct cgroup`: `kn`.
    pub cgroup_kn: u32,
    /// Of `struct cgroup`: `root`.
    pub cgroup_root: u32,
    /// Of `struct cgroup_root`: `hierarchy_id`; 0 is the v2 hierarchy.
    pub cgroup_root_hierarchy_id: u32,
    /// Of `struct kernfs_node`: `parent`; `__parent` since 6.15.
    pub kernfs_node_parent: u32,
    /// Of `struct kernfs_node`: `name`.
    pub kernfs_node_name: u32,
    /// Of `struct kernfs_node`: `id`.
    pub kernfs_node_id: u32,
    /// Of `struct pid`: `level`.
    pub pid_level: u32,
    /// Of `struct pid`: `numbers`.
    pub pid_numbers: u32,
    /// Of `struct upid`: `nr`.
    pub upid_nr: u32,
    /// Of `struct upid`: `size`; `sizeof(struct upid)`.
    pub upid_size: u32,
    /// Of `struct cred`: `uid`.
    pub cred_uid: u32,
    /// Of `struct kernel_siginfo`: `si_code`.
    pub kernel_siginfo_si_code: u32,
    /// Argument position: `out_of_memory_oc`.
    pub arg_out_of_memory_oc: u32,
    /// Argument position: `oom_kill_process_oc`.
    pub arg_oom_kill_process_oc: u32,
    /// Argument position: `oom_kill_process_message`.
    pub arg_oom_kill_process_message: u32,
    /// Argument position: `kill_process_victim`; of `__oom_kill_process`.
    pub arg_kill_process_victim: u32,
    /// Argument position: `get_oom_group_ret`; the result of `mem_cgroup_get_oom_group` in fexit.
    pub arg_get_oom_group_ret: u32,
    /// Argument position: `evaluate_task_task`; of `oom_evaluate_task`.
    pub arg_evaluate_task_task: u32,
    /// Argument position: `evaluate_task_ret`; the result of `oom_evaluate_task` in fexit.
    pub arg_evaluate_task_ret: u32,
    /// Argument position: `badness_ret`; the result of `oom_badness` in fexit.
    pub arg_badness_ret: u32,
    /// Argument position: `out_of_memory_ret`; the result of `out_of_memory` in fexit.
    pub arg_out_of_memory_ret: u32,
    /// Argument position: `mark_victim_task`; absent if the tracepoint has only a pid.
    pub arg_mark_victim_task: u32,
    /// Argument position: `mark_victim_pid`; absent if the tracepoint has a task.
    pub arg_mark_victim_pid: u32,
    /// Argument position: `signal_sig`.
    pub arg_signal_sig: u32,
    /// Argument position: `signal_info`.
    pub arg_signal_info: u32,
    /// Argument position: `signal_task`.
    pub arg_signal_task: u32,
    /// Argument position: `signal_group`.
    pub arg_signal_group: u32,
    /// Argument position: `signal_result`.
    pub arg_signal_result: u32,
    /// Argument position: `exit_task`.
    pub arg_exit_task: u32,
    /// Argument position: `reap_pid`.
    pub arg_reap_pid: u32,
    /// Of a trace event's record: `mark_victim_pid`; the offset of `pid` in the record of the plain tracepoint.
    pub event_mark_victim_pid: u32,
    /// Of `struct task_struct`: `mems_allowed`; the nodes of its cpuset.
    pub task_struct_mems_allowed: u32,
    /// Of `struct oom_control`: `nodemask`; the nodes of a memory policy, `NULL` for all nodes.
    pub oom_control_nodemask: u32,
    /// Of `struct oom_control`: `bpf_memory_freed`; only with BPF programs that handle OOM.
    pub oom_control_bpf_memory_freed: u32,
    /// Of `struct zonelist`: `_zonerefs`.
    pub zonelist_zonerefs: u32,
    /// Of `struct zoneref`: `size`; `sizeof(struct zoneref)`.
    pub zoneref_size: u32,
    /// Of `struct zoneref`: `zone`; `NULL` ends the list.
    pub zoneref_zone: u32,
    /// Of `struct zoneref`: `zone_idx`; position in `enum zone_type`.
    pub zoneref_zone_idx: u32,
    /// Of `struct zone`: `name`.
    pub zone_name: u32,
    /// Of `struct zone`: `node`; absent on a kernel without nodes.
    pub zone_node: u32,
    /// Of `struct zone`: `zone_pgdat`.
    pub zone_zone_pgdat: u32,
    /// Of `struct zone`: `_watermark`.
    pub zone_watermark: u32,
    /// Number of elements of `zone._watermark`.
    pub zone_watermarks: u32,
    /// Of `struct zone`: `watermark_boost`.
    pub zone_watermark_boost: u32,
    /// Of `struct zone`: `lowmem_reserve`.
    pub zone_lowmem_reserve: u32,
    /// Number of elements of `zone.lowmem_reserve`.
    pub zone_classes: u32,
    /// Of `struct zone`: `nr_reserved_highatomic`.
    pub zone_nr_reserved_highatomic: u32,
    /// Of `struct zone`: `nr_free_highatomic`; since 6.12.
    pub zone_nr_free_highatomic: u32,
    /// Of `struct zone`: `managed_pages`.
    pub zone_managed_pages: u32,
    /// Of `struct zone`: `present_pages`.
    pub zone_present_pages: u32,
    /// Of `struct zone`: `per_cpu_pageset`; `pageset` before 5.14. Per CPU.
    pub zone_pageset: u32,
    /// Of the structure behind `zone_pageset`: `count`; the pages on the lists of one CPU.
    pub pageset_count: u32,
    /// Of `struct zone`: `vm_stat`.
    pub zone_vm_stat: u32,
    /// Number of elements of `zone.vm_stat`.
    pub zone_counters: u32,
    /// Of `struct zone`: `free_area`.
    pub zone_free_area: u32,
    /// Number of elements of `zone.free_area`.
    pub zone_orders: u32,
    /// Of `struct free_area`: `size`; `sizeof(struct free_area)`.
    pub free_area_size: u32,
    /// Of `struct free_area`: `free_list`; one `struct list_head` per migrate type.
    pub free_area_free_list: u32,
    /// Number of elements of `free_area.free_list`.
    pub free_area_types: u32,
    /// Of `struct free_area`: `nr_free`.
    pub free_area_nr_free: u32,
    /// Of `struct pglist_data`: `node_id`.
    pub pglist_data_node_id: u32,
    /// Of `struct pglist_data`: `vm_stat`.
    pub pglist_data_vm_stat: u32,
    /// Number of elements of `pglist_data.vm_stat`.
    pub pglist_data_counters: u32,
    /// Of `struct mm_struct`: `exe_file`; the executable.
    pub mm_struct_exe_file: u32,
    /// Of `struct file`: `f_path.mnt`.
    pub file_path_mnt: u32,
    /// Of `struct file`: `f_path.dentry`.
    pub file_path_dentry: u32,
    /// Of `struct dentry`: `d_parent`.
    pub dentry_parent: u32,
    /// Of `struct dentry`: `d_name.name`.
    pub dentry_name: u32,
    /// Of `struct dentry`: `d_hash.pprev`; `NULL` after the file was deleted.
    pub dentry_hash_pprev: u32,
    /// Of `struct vfsmount`: `mnt_root`.
    pub vfsmount_root: u32,
    /// Of `struct mount`: `mnt`; to get from a `vfsmount` to its `mount`.
    pub mount_mnt: u32,
    /// Of `struct mount`: `mnt_parent`; the mount itself at the top.
    pub mount_parent: u32,
    /// Of `struct mount`: `mnt_mountpoint`.
    pub mount_mountpoint: u32,
    /// Argument position: `signal_deliver_sig`.
    pub arg_signal_deliver_sig: u32,
}

const _: () = assert!(size_of::<KernelLayout>() == SLOTS * 4);

impl KernelLayout {
    /// A layout without any resolved slot. The object contains it before user space fills it in.
    pub const UNRESOLVED: Self = Self {
        task_struct_flags: ABSENT,
        task_struct_mm: ABSENT,
        task_struct_pid: ABSENT,
        task_struct_tgid: ABSENT,
        task_struct_group_leader: ABSENT,
        task_struct_real_parent: ABSENT,
        task_struct_vfork_done: ABSENT,
        task_struct_thread_pid: ABSENT,
        task_struct_start_boottime: ABSENT,
        task_struct_real_cred: ABSENT,
        task_struct_comm: ABSENT,
        task_struct_signal: ABSENT,
        task_struct_cgroups: ABSENT,
        signal_struct_oom_score_adj: ABSENT,
        signal_struct_oom_mm: ABSENT,
        signal_struct_oom_flag_origin: ABSENT,
        signal_struct_pids_tgid: ABSENT,
        signal_struct_live: ABSENT,
        mm_struct_total_vm: ABSENT,
        mm_struct_pgtables_bytes: ABSENT,
        mm_struct_rss_file: ABSENT,
        mm_struct_rss_anon: ABSENT,
        mm_struct_rss_swap: ABSENT,
        mm_struct_rss_shmem: ABSENT,
        mm_struct_rss_percpu: ABSENT,
        mm_struct_arg_start: ABSENT,
        mm_struct_arg_end: ABSENT,
        mm_struct_flags: ABSENT,
        oom_control_zonelist: ABSENT,
        oom_control_memcg: ABSENT,
        oom_control_gfp_mask: ABSENT,
        oom_control_order: ABSENT,
        oom_control_totalpages: ABSENT,
        oom_control_chosen: ABSENT,
        oom_control_chosen_points: ABSENT,
        oom_control_constraint: ABSENT,
        mem_cgroup_cgroup: ABSENT,
        mem_cgroup_parent: ABSENT,
        mem_cgroup_usage: ABSENT,
        mem_cgroup_max: ABSENT,
        mem_cgroup_high: ABSENT,
        mem_cgroup_swap_usage: ABSENT,
        mem_cgroup_swap_max: ABSENT,
        mem_cgroup_oom_group: ABSENT,
        mem_cgroup_css: ABSENT,
        css_set_memory: ABSENT,
        css_cgroup: ABSENT,
        cgroup_kn: ABSENT,
        cgroup_root: ABSENT,
        cgroup_root_hierarchy_id: ABSENT,
        kernfs_node_parent: ABSENT,
        kernfs_node_name: ABSENT,
        kernfs_node_id: ABSENT,
        pid_level: ABSENT,
        pid_numbers: ABSENT,
        upid_nr: ABSENT,
        upid_size: ABSENT,
        cred_uid: ABSENT,
        kernel_siginfo_si_code: ABSENT,
        arg_out_of_memory_oc: ABSENT,
        arg_oom_kill_process_oc: ABSENT,
        arg_oom_kill_process_message: ABSENT,
        arg_kill_process_victim: ABSENT,
        arg_get_oom_group_ret: ABSENT,
        arg_evaluate_task_task: ABSENT,
        arg_evaluate_task_ret: ABSENT,
        arg_badness_ret: ABSENT,
        arg_out_of_memory_ret: ABSENT,
        arg_mark_victim_task: ABSENT,
        arg_mark_victim_pid: ABSENT,
        arg_signal_sig: ABSENT,
        arg_signal_info: ABSENT,
        arg_signal_task: ABSENT,
        arg_signal_group: ABSENT,
        arg_signal_result: ABSENT,
        arg_exit_task: ABSENT,
        arg_reap_pid: ABSENT,
        event_mark_victim_pid: ABSENT,
        task_struct_mems_allowed: ABSENT,
        oom_control_nodemask: ABSENT,
        oom_control_bpf_memory_freed: ABSENT,
        zonelist_zonerefs: ABSENT,
        zoneref_size: ABSENT,
        zoneref_zone: ABSENT,
        zoneref_zone_idx: ABSENT,
        zone_name: ABSENT,
        zone_node: ABSENT,
        zone_zone_pgdat: ABSENT,
        zone_watermark: ABSENT,
        zone_watermarks: ABSENT,
        zone_watermark_boost: ABSENT,
        zone_lowmem_reserve: ABSENT,
        zone_classes: ABSENT,
        zone_nr_reserved_highatomic: ABSENT,
        zone_nr_free_highatomic: ABSENT,
        zone_managed_pages: ABSENT,
        zone_present_pages: ABSENT,
        zone_pageset: ABSENT,
        pageset_count: ABSENT,
        zone_vm_stat: ABSENT,
        zone_counters: ABSENT,
        zone_free_area: ABSENT,
        zone_orders: ABSENT,
        free_area_size: ABSENT,
        free_area_free_list: ABSENT,
        free_area_types: ABSENT,
        free_area_nr_free: ABSENT,
        pglist_data_node_id: ABSENT,
        pglist_data_vm_stat: ABSENT,
        pglist_data_counters: ABSENT,
        mm_struct_exe_file: ABSENT,
        file_path_mnt: ABSENT,
        file_path_dentry: ABSENT,
        dentry_parent: ABSENT,
        dentry_name: ABSENT,
        dentry_hash_pprev: ABSENT,
        vfsmount_root: ABSENT,
        mount_mnt: ABSENT,
        mount_parent: ABSENT,
        mount_mountpoint: ABSENT,
        arg_signal_deliver_sig: ABSENT,
    };
}

/// Other numbers, beside the layout in read-only data.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct KernelValues {
    /// Address of `__per_cpu_offset`; 0 if kallsyms does not contain it. Counters then stay approximate.
    pub per_cpu_offset: u64,
    /// Address of `nr_swap_pages`; 0 if kallsyms does not contain it.
    pub nr_swap_pages: u64,
    /// Address of `total_swap_pages`; 0 if kallsyms does not contain it.
    pub total_swap_pages: u64,
    /// Number of CPUs whose parts of a per-CPU counter are added.
    pub cpus: u32,
    /// 1 if a return probe hides the callers of its function, 0 otherwise. The stack is then read before the return probe is in
    /// place.
    pub callers_hidden: u32,
}

impl KernelValues {
    /// Values that are not resolved yet.
    pub const UNRESOLVED: Self =
        Self { per_cpu_offset: 0, nr_swap_pages: 0, total_swap_pages: 0, cpus: 0, callers_hidden: 0 };
}
