//! The fields of each event, as `key=value`.

mod shortage;

use std::fmt::Display;

use oomtrace_common::event::{
    Arguments, Candidate, EmptyPasses, Executable, Exit, KillProcess, MarkVictim, Memcg, OomGroup,
    OomKillProcess, OutOfMemory, OutOfMemoryReturn, Reap, Sigkill, SysrqOom, Task, UserKills,
};

use crate::{event::Candidates, sink::terminal::sanitize::name};

/// Keys and values, on one line.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) text: String,
}

impl Fields {
    pub(super) fn show(&mut self, key: &str, value: impl Display) {
        let gap = if self.text.is_empty() { "" } else { " " };
        self.text.push_str(&format!("{gap}{key}={value}"));
    }

    fn hex(&mut self, key: &str, value: u32) {
        self.show(key, format_args!("{value:#x}"));
    }

    /// Adds a string of the kernel, up to its first NUL.
    fn string(&mut self, key: &str, bytes: &[u8]) {
        self.show(key, name(bytes.split(|byte| *byte == 0).next().unwrap_or_default()));
    }

    /// Adds a value if it was read, or the sign that it was not.
    fn read(&mut self, was_read: bool, key: &str, value: impl Display) {
        if was_read {
            self.show(key, value);
        } else {
            self.show(key, '-');
        }
    }

    /// Adds a task in brackets.
    fn task(&mut self, key: &str, task: &Task) {
        let mut fields = Self::default();
        task.print(&mut fields);
        self.show(key, format_args!("[{}]", fields.text));
    }
}

/// Shows the fields of an event.
pub(super) trait Print {
    fn print(&self, fields: &mut Fields);
}

impl Print for Task {
    fn print(&self, fields: &mut Fields) {
        let has = |bit| self.present & bit != 0;
        fields.hex("present", self.present);
        // If the tracepoint has only a number, it is the thread's, and no field is marked as read.
        fields.read(has(Self::PID), "pid", self.pid);
        fields.read(has(Self::PID) || self.tid != 0, "tid", self.tid);
        if has(Self::PID) {
            fields.string("comm", &self.comm);
            fields.hex("flags", self.flags);
        }
        fields.read(has(Self::NS_PID), "ns_pid", self.ns_pid);
        fields.read(has(Self::UID), "uid", self.uid);
        fields.read(has(Self::LEADER), "start_boot_ns", self.start_boot_ns);
        if has(Self::LEADER) {
            fields.string("leader_comm", &self.leader_comm);
        }
        fields.read(has(Self::MEMCG), "memcg", self.memcg);
        fields.read(has(Self::OOM_SCORE_ADJ), "oom_score_adj", self.oom_score_adj);
        memory(self, fields);
    }
}

fn memory(task: &Task, fields: &mut Fields) {
    let has = |bit| task.present & bit != 0;
    for (key, value) in [
        ("anon_rss_pages", task.anon_rss_pages),
        ("file_rss_pages", task.file_rss_pages),
        ("shmem_rss_pages", task.shmem_rss_pages),
        ("swap_pages", task.swap_pages),
    ] {
        fields.read(has(Task::MEMORY), key, value);
    }
    fields.read(has(Task::MEMORY), "total_vm_pages", task.total_vm_pages);
    fields.read(has(Task::MEMORY), "pgtables_bytes", task.pgtables_bytes);
    for (key, value) in [
        ("anon_rss_exact", task.anon_rss_exact),
        ("file_rss_exact", task.file_rss_exact),
        ("shmem_rss_exact", task.shmem_rss_exact),
        ("swap_exact", task.swap_exact),
    ] {
        fields.read(has(Task::EXACT), key, value);
    }
}

impl Print for OutOfMemory {
    fn print(&self, fields: &mut Fields) {
        fields.show("memcg", self.memcg);
        fields.hex("flags", self.flags);
        fields.hex("gfp_mask", self.gfp_mask);
        fields.show("order", self.order);
        fields.task("trigger", &self.trigger);
    }
}

impl Print for OutOfMemoryReturn {
    fn print(&self, fields: &mut Fields) {
        fields.show("returned", self.returned);
        fields.show("chosen", self.chosen);
        fields.show("points", self.points);
        fields.show("total_pages", self.total_pages);
        fields.show("constraint", self.constraint);
        fields.show("evaluated", self.evaluated);
        fields.show("kills", self.kills);
        fields.show("marks", self.marks);
        fields.show("duration_ns", self.duration_ns);
        // 0 also if the kernel has no such programs.
        if self.bpf_memory_freed != 0 {
            fields.show("bpf_memory_freed", self.bpf_memory_freed);
        }
    }
}

impl Print for OomKillProcess {
    fn print(&self, fields: &mut Fields) {
        fields.string("message", &self.message);
        fields.show("points", self.points);
        fields.show("total_pages", self.total_pages);
        fields.show("constraint", self.constraint);
        fields.show("evaluated", self.evaluated);
        if self.present & Self::SWAP != 0 {
            fields.show("swap_free_pages", self.swap_free_pages);
            fields.show("swap_total_pages", self.swap_total_pages);
        }
        fields.task("chosen", &self.chosen);
    }
}

impl Print for KillProcess {
    fn print(&self, fields: &mut Fields) {
        fields.task("victim", &self.victim);
    }
}

impl Print for Candidates {
    fn print(&self, fields: &mut Fields) {
        let head = &self.head;
        fields.show("rows", head.rows);
        fields.show("first", head.first);
        fields.show("kernel_threads", head.kernel_threads);
        fields.show("left_out", head.left_out);
        fields.read(head.left_out > 0, "left_out_points", head.left_out_points);
        for row in &self.rows {
            let mut row_fields = Fields::default();
            row.print(&mut row_fields);
            fields.show("candidate", format_args!("[{}]", row_fields.text));
        }
    }
}

impl Print for Candidate {
    fn print(&self, fields: &mut Fields) {
        let has = |bit| self.present & bit != 0;
        fields.hex("present", self.present);
        fields.show("pid", self.pid);
        fields.string("comm", &self.comm);
        fields.show("start_boot_ns", self.start_boot_ns);
        fields.read(has(Self::UID), "uid", self.uid);
        fields.read(self.memcg != 0, "memcg", self.memcg);
        fields.read(has(Self::OOM_SCORE_ADJ), "oom_score_adj", self.oom_score_adj);
        fields.read(has(Self::POINTS | Self::CHOSEN), "points", self.points);
        fields.show("returned", self.returned);
        for (key, value) in [
            ("anon_rss_pages", self.anon_rss_pages),
            ("file_rss_pages", self.file_rss_pages),
            ("shmem_rss_pages", self.shmem_rss_pages),
            ("swap_pages", self.swap_pages),
        ] {
            fields.read(has(Self::MEMORY), key, value);
        }
        fields.read(has(Self::MEMORY), "total_vm_pages", self.total_vm_pages);
        fields.read(has(Self::MEMORY), "pgtables_bytes", self.pgtables_bytes);
    }
}

impl Print for OomGroup {
    fn print(&self, fields: &mut Fields) {
        fields.show("memcg", self.memcg);
    }
}

impl Print for MarkVictim {
    fn print(&self, fields: &mut Fields) {
        fields.task("victim", &self.victim);
        fields.task("trigger", &self.trigger);
    }
}

impl Print for Memcg {
    fn print(&self, fields: &mut Fields) {
        let has = |bit| self.present & bit != 0;
        fields.show("id", self.id);
        fields.show("parent", self.parent);
        fields.show("hierarchy", self.hierarchy);
        match usize::try_from(self.name_len) {
            Ok(len) => fields.string("name", self.name.get(..len).unwrap_or(&self.name)),
            Err(_) => fields.show("name", '-'),
        }
        fields.hex("present", self.present);
        fields.read(has(Self::COUNTERS), "usage_pages", self.usage_pages);
        fields.read(has(Self::COUNTERS), "max_pages", self.max_pages);
        fields.read(has(Self::HIGH), "high_pages", self.high_pages);
        fields.read(has(Self::SWAP), "swap_usage_pages", self.swap_usage_pages);
        fields.read(has(Self::SWAP), "swap_max_pages", self.swap_max_pages);
        fields.read(has(Self::OOM_GROUP), "oom_group", self.oom_group);
    }
}

impl Print for EmptyPasses {
    fn print(&self, fields: &mut Fields) {
        fields.show("memcg", self.memcg);
        fields.show("count", self.count);
        fields.show("emptiness", self.emptiness);
        fields.show("first_ns", self.first_ns);
        fields.show("last_ns", self.last_ns);
        fields.show("pid", self.pid);
        fields.show("tid", self.tid);
        fields.show("order", self.order);
        fields.hex("gfp_mask", self.gfp_mask);
        fields.hex("flags", self.flags);
        fields.show("evaluated", self.evaluated);
        fields.show("constraint", self.constraint);
        fields.show("total_pages", self.total_pages);
    }
}

impl Print for Sigkill {
    fn print(&self, fields: &mut Fields) {
        fields.show("pid", self.pid);
        fields.show("tid", self.tid);
        fields.string("comm", &self.comm);
        fields.show("start_boot_ns", self.start_boot_ns);
        fields.read(self.memcg != 0, "memcg", self.memcg);
        fields.show("sender_pid", self.sender_pid);
        fields.show("sender_tid", self.sender_tid);
        fields.string("sender_comm", &self.sender_comm);
        fields.show("result", self.result);
        fields.show("in_pass", self.in_pass);
        fields.show("origin", self.origin);
        fields.show("code", self.code);
        fields.show("left_out", self.left_out);
        fields.read(self.flags & Self::HAS_GROUP != 0, "group", self.group);
        fields.read(self.act_count != 0, "act_count", self.act_count);
        fields.read(self.act_count != 0, "act_first_ns", self.act_first_ns);
        fields.task("target", &self.target);
        fields.task("sender", &self.sender);
    }
}

impl Print for UserKills {
    fn print(&self, fields: &mut Fields) {
        fields.show("sender_pid", self.of.sender_pid);
        fields.show("sender_start_ns", self.of.sender_start_ns);
        fields.show("signal", self.of.signal);
        fields.show("origin", self.of.origin);
        fields.show("group", self.of.group);
        fields.read(self.of.memcg != 0, "memcg", self.of.memcg);
        fields.show("first_ns", self.first_ns);
        fields.show("last_ns", self.last_ns);
        fields.show("count", self.count);
        fields.show("told", self.told);
    }
}

impl Print for Exit {
    fn print(&self, fields: &mut Fields) {
        fields.show("pid", self.pid);
        fields.show("tid", self.tid);
        fields.show("start_boot_ns", self.start_boot_ns);
        fields.show("live", self.live);
    }
}

impl Print for Arguments {
    fn print(&self, fields: &mut Fields) {
        fields.show("pid", self.pid);
        fields.show("tid", self.tid);
        fields.read(self.start_boot_ns != 0, "start_boot_ns", self.start_boot_ns);
        fields.show("bytes", self.bytes);
        let sent = usize::try_from(self.text_bytes).unwrap_or(usize::MAX);
        if let Some(text) = self.text.get(..sent).filter(|text| !text.is_empty()) {
            fields.show("text", name(text));
        }
    }
}

impl Print for Executable {
    fn print(&self, fields: &mut Fields) {
        fields.show("pid", self.pid);
        fields.show("tid", self.tid);
        fields.read(self.start_boot_ns != 0, "start_boot_ns", self.start_boot_ns);
        fields.show("flags", self.flags);
        let sent = usize::try_from(self.text_bytes).unwrap_or(usize::MAX);
        if let Some(text) = self.text.get(..sent).filter(|text| !text.is_empty()) {
            fields.show("text", name(text));
        }
    }
}

impl Print for Reap {
    fn print(&self, fields: &mut Fields) {
        fields.show("tid", self.tid);
        fields.show("step", self.step);
    }
}

impl Print for SysrqOom {
    fn print(&self, fields: &mut Fields) {
        fields.show("source", self.source);
        fields.task("requester", &self.requester);
    }
}
