//! Handmade streams of frames on the real road: frame, decode, assemble, explain, report.

use oomtrace::{
    assemble::{Assembler, Step},
    context::Session,
    decode::decode,
    explain::is_kill_for_memory,
    frame::{Frame, context_frame},
    report::{Report, report},
};
use oomtrace_common::{
    event::{
        Exit, KillProcess, MarkVictim, Memcg, OomKillProcess, OutOfMemory, OutOfMemoryReturn, Sigkill, Task,
    },
    frame::{FrameHeader, Kind, Wire},
};
use serde_json::json;
use zerocopy::{FromZeros, Immutable, IntoBytes};

/// Pages of `memory.max` in `/pods`: 64 MiB.
pub(crate) const LIMIT: u64 = 16_384;
/// `PAGE_COUNTER_MAX` of 4 KiB pages.
pub(crate) const NO_LIMIT: u64 = 2_251_799_813_685_247;
/// Kernfs ids of `/`, `/pods`, `/pods/app` and `/other`.
pub(crate) const ROOT: u64 = 1;
pub(crate) const PODS: u64 = 10;
pub(crate) const APP: u64 = 11;
pub(crate) const OTHER: u64 = 20;

/// Numbers of `enum oom_constraint`.
pub(crate) const NONE: u32 = 0;
pub(crate) const CPUSET: u32 = 1;
pub(crate) const MEMORY_POLICY: u32 = 2;
pub(crate) const MEMCG: u32 = 3;

pub(crate) const GIB: u64 = 1 << 30;
pub(crate) const MS: u64 = 1_000_000;
pub(crate) const S: u64 = 1_000 * MS;

/// A sequence of frames with a clock.
#[derive(Clone)]
pub(crate) struct Stream {
    pub(crate) bytes: Vec<u8>,
    pub(crate) now: u64,
    pub(crate) pass: u64,
}

/// The reports of a stream.
pub(crate) struct Told {
    pub(crate) decided: Vec<Report>,
    pub(crate) closed: Vec<Report>,
}

impl Told {
    /// The only incident.
    pub(crate) fn only(&self) -> &Report {
        assert_eq!(self.closed.len(), 1, "{:#?}", self.closed);
        &self.closed[0]
    }
}

/// A session of this tier with every hook in place except the missing ones.
pub(crate) fn session(tier: &str, missing: &[&str]) -> Session {
    let names = [
        "mark_victim",
        "signal_generate",
        "sched_process_exit",
        "start_task_reaping",
        "finish_task_reaping",
        "skip_task_reaping",
        "memory_max_write",
        "mem_cgroup_get_oom_group",
        "oom_evaluate_task",
        "__oom_kill_process",
        "oom_kill_process",
        "out_of_memory",
    ];
    let inside = |name: &str| names[6..].contains(&name);
    let state = |name: &&str| {
        let carried = !missing.contains(name) && (tier != "tracepoint" || !inside(name));
        let by = if inside(name) { tier } else { "tracepoint" };
        json!({ "name": name, "tier": carried.then_some(by) })
    };
    let session = json!({
        "tool_version": "0.1.0", "kernel_release": "6.12.0-test", "host": "testhost", "boot_id": "b",
        "wall_offset_ns": 1_700_000_000_000_000_000_i64, "page_size": 4096, "tier": tier,
        "hooks": names.iter().map(state).collect::<Vec<_>>(),
        "facts": {
            "constraint": { "none": 0, "cpuset": 1, "memory_policy": 2, "memcg": 3 }, "gfp_naming": "macros",
            "gfp_bits": [
                { "bit": 6, "name": "__GFP_IO" }, { "bit": 7, "name": "__GFP_FS" },
                { "bit": 10, "name": "__GFP_DIRECT_RECLAIM" }, { "bit": 11, "name": "__GFP_KSWAPD_RECLAIM" },
            ],
        },
        "memory_hierarchy": "v2", "codes": 3,
        "a key of a later version": 1,
    });
    serde_json::from_value(session).unwrap()
}

impl Stream {
    pub(crate) fn new(tier: &str) -> Self {
        Self::with(&session(tier, &[]))
    }

    pub(crate) fn with(session: &Session) -> Self {
        let mut stream = Self { bytes: Vec::new(), now: 100 * S, pass: 0 };
        stream.context(Kind::Session, session);
        stream
    }

    /// Adds a frame of the kernel, one microsecond after the last.
    pub(crate) fn add<T: Wire + IntoBytes + Immutable>(&mut self, event: T) -> &mut Self {
        self.now += 1000;
        self.raw(T::KIND.number(), event.as_bytes())
    }

    pub(crate) fn raw(&mut self, kind: u16, payload: &[u8]) -> &mut Self {
        let len = u32::try_from(payload.len()).unwrap();
        let header = FrameHeader { kind, reserved: 0, len, boot_ns: self.now, pass: self.pass };
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(payload);
        self
    }

    pub(crate) fn context(&mut self, kind: Kind, payload: &impl serde::Serialize) -> &mut Self {
        self.bytes.extend(context_frame(kind, self.now, self.pass, payload));
        self
    }

    pub(crate) fn sysctl(&mut self, allocating: i64) -> &mut Self {
        self.context(Kind::Sysctl, &json!({ "oom_kill_allocating_task": allocating, "panic_on_oom": 0 }))
    }

    pub(crate) fn looked_up(&mut self, pid: i32) -> &mut Self {
        let found = json!({
            "pid": pid, "tid": pid, "start_boot_ns": start(pid), "cmdline": ["/usr/bin/it", "--now"],
            "exe": "/usr/bin/it", "looked_up_ns": self.now,
        });
        self.context(Kind::Process, &found)
    }

    /// Adds the memory that is available right after a mark, on a machine of 1 GiB.
    pub(crate) fn machine(&mut self, available_bytes: u64) -> &mut Self {
        let machine = json!({
            "free_bytes": available_bytes / 2, "total_bytes": GIB, "available_bytes": available_bytes,
        });
        self.context(Kind::Machine, &machine)
    }

    pub(crate) fn tick(&mut self, after: u64) -> &mut Self {
        self.now += after;
        let pass = std::mem::take(&mut self.pass);
        self.context(Kind::Tick, &json!({}));
        self.pass = pass;
        self
    }

    pub(crate) fn later(&mut self, ns: u64) -> &mut Self {
        self.now += ns;
        self
    }

    /// Enters `out_of_memory`.
    pub(crate) fn enter(&mut self) -> &mut Self {
        self.now += 1000;
        self.pass = self.now;
        self
    }

    /// Begins the pass for a cgroup. The trigger is a task in it.
    pub(crate) fn memcg_oom(&mut self, trigger: Task, memcg: u64) -> &mut Self {
        self.enter().add(memcg_request(trigger, memcg)).tree()
    }

    /// Begins the pass for the machine.
    pub(crate) fn global_oom(&mut self, trigger: Task) -> &mut Self {
        self.enter().add(OutOfMemory { flags: OutOfMemory::ZONELIST, ..request(trigger) }).tree()
    }

    /// Adds the levels of the test's cgroup tree. `/pods` is at its limit.
    pub(crate) fn tree(&mut self) -> &mut Self {
        for memcg in tree() {
            self.add(memcg);
        }
        self
    }

    /// Adds a SIGKILL from the thread `sender`.
    pub(crate) fn sigkill(&mut self, pid: i32, sender: i32) -> &mut Self {
        let in_pass = u32::from(self.pass != 0);
        self.add(Sigkill { sender_pid: sender, sender_tid: sender, in_pass, ..sigkill_of(pid) })
    }

    /// Adds the choice, the kill, the signal and the mark of a process by a task.
    pub(crate) fn kill(
        &mut self,
        victim: Task,
        trigger: Task,
        message: &str,
        constraint: u32,
        total_pages: u64,
    ) -> &mut Self {
        self.choose(victim, message, constraint, total_pages).execute(victim, trigger)
    }

    pub(crate) fn choose(
        &mut self,
        chosen: Task,
        message: &str,
        constraint: u32,
        total_pages: u64,
    ) -> &mut Self {
        let thousandths = i64::try_from(total_pages / 1000).unwrap();
        let points = base(&chosen) + i64::from(chosen.oom_score_adj) * thousandths;
        self.add(OomKillProcess { points, ..choice(chosen, message, constraint, total_pages) })
    }

    pub(crate) fn execute(&mut self, victim: Task, trigger: Task) -> &mut Self {
        self.add(KillProcess { victim }).sigkill(victim.pid, trigger.tid).add(MarkVictim { victim, trigger })
    }

    /// Returns from the pass.
    pub(crate) fn leave(&mut self, kills: u32, marks: u32) -> &mut Self {
        self.add(returned(kills, marks));
        self.pass = 0;
        self
    }

    pub(crate) fn exit(&mut self, pid: i32) -> &mut Self {
        self.pass = 0;
        self.add(Exit { pid, tid: pid, start_boot_ns: start(pid), live: 0, reserved: 0 })
    }

    /// The reports of the whole stream.
    pub(crate) fn told(&self) -> Told {
        told(&self.steps())
    }

    /// The incidents of the whole stream. An assembler that sends only ends must send the same ends.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let steps = self.steps_of(Assembler::new(is_kill_for_memory));
        let ends = told(&self.steps_of(Assembler::new(is_kill_for_memory).reporting_ends_only()));
        assert_eq!((ends.decided, ends.closed), (Vec::new(), told(&steps).closed));
        steps
    }

    fn steps_of(&self, mut assembler: Assembler) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut taken = 0;
        for (frame, whole) in Frame::each(&self.bytes) {
            taken += whole.len();
            if let Some(event) = decode(&frame).unwrap() {
                assembler.push(event, &mut steps);
            }
        }
        assert_eq!(taken, self.bytes.len());
        assembler.finish(&mut steps);
        assert_eq!(assembler.open(), 0);
        steps
    }
}

pub(crate) fn told(steps: &[Step]) -> Told {
    let mut told = Told { decided: Vec::new(), closed: Vec::new() };
    for step in steps {
        match step {
            Step::Decided(incident) => told.decided.push(report(incident)),
            Step::Closed(incident) => told.closed.push(report(incident)),
        }
    }
    told
}

pub(crate) fn start(pid: i32) -> u64 {
    u64::from(pid.unsigned_abs()) * MS
}

fn filled<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..text.len()].copy_from_slice(text);
    bytes
}

/// A process of 60 MiB in `/pods/app` with all fields known.
pub(crate) fn task(pid: i32) -> Task {
    let mut task = Task::new_zeroed();
    task.present = Task::PID
        | Task::NS_PID
        | Task::UID
        | Task::LEADER
        | Task::MEMCG
        | Task::MEMORY
        | Task::OOM_SCORE_ADJ;
    (task.pid, task.tid, task.ns_pid, task.uid) = (pid, pid, 7, 1000);
    task.start_boot_ns = start(pid);
    task.memcg = APP;
    task.total_vm_pages = 20_000;
    task.anon_rss_pages = 15_000;
    task.file_rss_pages = 300;
    task.shmem_rss_pages = 50;
    task.swap_pages = 10;
    task.pgtables_bytes = 40 * 4096;
    task.comm = filled(b"hog");
    task.leader_comm = filled(b"hog");
    task
}

/// A kernel thread in the root cgroup.
pub(crate) fn kthread(pid: i32, comm: &[u8], flags: u32) -> Task {
    let mut task = task(pid);
    task.present &= !Task::MEMORY;
    task.flags = 0x0020_0000 | flags;
    task.memcg = ROOT;
    (task.comm, task.leader_comm) = (filled(comm), filled(comm));
    task
}

/// The pages that badness starts from.
pub(crate) fn base(task: &Task) -> i64 {
    let resident = task.anon_rss_pages + task.file_rss_pages + task.shmem_rss_pages + task.swap_pages;
    resident + i64::try_from(task.pgtables_bytes / 4096).unwrap()
}

pub(crate) fn request(trigger: Task) -> OutOfMemory {
    OutOfMemory { trigger, memcg: 0, flags: 0, gfp_mask: 0xcc0, order: 0, reserved: 0 }
}

pub(crate) fn memcg_request(trigger: Task, memcg: u64) -> OutOfMemory {
    OutOfMemory { memcg, flags: OutOfMemory::MEMCG, ..request(trigger) }
}

pub(crate) fn choice(chosen: Task, message: &str, constraint: u32, total_pages: u64) -> OomKillProcess {
    let message = filled(message.as_bytes());
    OomKillProcess {
        chosen,
        points: 0,
        total_pages,
        constraint,
        evaluated: 4,
        message,
        present: 0,
        swap_free_pages: 0,
        swap_total_pages: 0,
    }
}

pub(crate) fn returned(kills: u32, marks: u32) -> OutOfMemoryReturn {
    OutOfMemoryReturn {
        kills,
        marks,
        total_pages: LIMIT,
        evaluated: 4,
        constraint: MEMCG,
        returned: 1,
        chosen: OutOfMemoryReturn::CHOSEN_TASK,
        duration_ns: 5000,
        ..OutOfMemoryReturn::new_zeroed()
    }
}

pub(crate) fn sigkill_of(pid: i32) -> Sigkill {
    let comm = filled(b"hog");
    Sigkill { pid, tid: pid, start_boot_ns: start(pid), memcg: APP, comm, ..Sigkill::new_zeroed() }
}

/// A level of the v2 hierarchy.
pub(crate) fn level(id: u64, parent: u64, name: &[u8], usage_pages: u64, max_pages: u64) -> Memcg {
    let mut memcg = Memcg::new_zeroed();
    memcg.present = Memcg::COUNTERS | Memcg::HIGH | Memcg::SWAP | Memcg::OOM_GROUP;
    (memcg.id, memcg.parent, memcg.usage_pages, memcg.max_pages) = (id, parent, usage_pages, max_pages);
    (memcg.high_pages, memcg.swap_max_pages) = (NO_LIMIT, NO_LIMIT);
    memcg.name = filled(name);
    // The length includes the NUL, as the kernel side counts it.
    memcg.name_len = i32::try_from(name.len() + 1).unwrap();
    memcg
}

pub(crate) fn tree() -> [Memcg; 3] {
    [
        level(APP, PODS, b"app", LIMIT - 500, NO_LIMIT),
        level(PODS, ROOT, b"pods", LIMIT, LIMIT),
        level(ROOT, 0, b"", 0, NO_LIMIT),
    ]
}
