//! Decisions that are seen from inside: pass, choice, kills, marks and return.

use oomtrace_common::event::{
    Exit, MarkVictim, Memcg, OomKillProcess, OutOfMemory, OutOfMemoryReturn, Reap, Sigkill,
};

use super::{Assembler, Step};
use crate::{
    bytes::ByteString,
    incident::{Choice, Incident, Request, Role, SwapSpace, Task, Victim},
};

impl Assembler {
    pub(super) fn open_pass(&mut self, boot_ns: u64, pass: Option<u64>, entry: &OutOfMemory) {
        let requested = if entry.order == -1 { self.memory.take_request(boot_ns) } else { None };
        let incident = self.in_pass(boot_ns, pass);
        let has = |bit| entry.flags & bit != 0;
        incident.requested = requested;
        incident.trigger = Some(Task::from(&entry.trigger));
        incident.request = Some(Request {
            memcg: has(OutOfMemory::MEMCG).then_some(entry.memcg),
            zonelist: has(OutOfMemory::ZONELIST),
            memory_max_write: has(OutOfMemory::MEMORY_MAX_WRITE),
            gfp_mask: entry.gfp_mask,
            order: entry.order,
        });
    }

    pub(super) fn take_memcg(&mut self, pass: Option<u64>, memcg: Memcg) {
        match self.open.iter_mut().find(|incident| pass.is_some() && incident.pass == pass) {
            // Keep the first reading of a pass: it is the closest to the decision.
            Some(incident) => drop(incident.memcgs.entry(memcg.id).or_insert(memcg)),
            None => self.memory.keep_memcg(pass, memcg),
        }
    }

    pub(super) fn take_choice(&mut self, boot_ns: u64, pass: Option<u64>, choice: &OomKillProcess) {
        let OomKillProcess { chosen, points, total_pages, constraint, evaluated, message, .. } = choice;
        let incident = self.in_pass(boot_ns, pass);
        incident.choice = Some(Choice {
            task: Task::from(chosen),
            points: *points,
            total_pages: *total_pages,
            constraint: *constraint,
            evaluated: *evaluated,
            message: ByteString::until_nul(message).as_bytes().to_vec(),
        });
        incident.swap = swap_at(choice);
    }

    pub(super) fn take_kill(&mut self, boot_ns: u64, pass: Option<u64>, task: &Task) {
        let incident = self.in_pass(boot_ns, pass);
        let chosen = incident.choice.as_ref().is_none_or(|choice| choice.task.is_same_process(task));
        incident.kill_frames = incident.kill_frames.saturating_add(1);
        let role = if chosen || incident.group.is_none() { Role::Chosen } else { Role::Group };
        upsert(incident, task, role).killed = true;
    }

    /// Takes a mark inside a pass. If the marked process is a victim of an earlier incident, the mark is only counted.
    pub(super) fn take_mark(&mut self, boot_ns: u64, pass: Option<u64>, mark: &MarkVictim) {
        let mut task = Task::from(&mark.victim);
        if task.pid.is_none() {
            task = self.whose_thread(pass, &task, &Task::from(&mark.trigger));
        }
        let earlier =
            self.open.iter_mut().find(|incident| incident.pass != pass && incident.has_victim(&task));
        if let Some(earlier) = earlier {
            earlier.marks = earlier.marks.saturating_add(1);
            let incident = self.in_pass(boot_ns, pass);
            incident.mark_frames = incident.mark_frames.saturating_add(1);
            return;
        }
        if self.memory.was_victim(&task, boot_ns) {
            let incident = self.in_pass(boot_ns, pass);
            incident.mark_frames = incident.mark_frames.saturating_add(1);
            return;
        }
        let incident = self.in_pass(boot_ns, pass);
        incident.mark_frames = incident.mark_frames.saturating_add(1);
        incident.marks = incident.marks.saturating_add(1);
        incident.trigger.get_or_insert_with(|| Task::from(&mark.trigger));
        let role = if incident.group.is_some() { Role::Group } else { Role::Chosen };
        let victim = upsert(incident, &task, role);
        if !victim.marked {
            victim.marked = true;
            // The marked thread is the one that the kernel acted on. If the leader has exited, this is another thread.
            victim.task.tid = task.tid.or(victim.task.tid);
            if task.comm.is_some() {
                victim.task.comm = task.comm;
            }
        }
        let marked = victim.task.clone();
        lend_memory(incident, &marked);
    }

    /// Finds the process of the marked thread in the pass, on kernels whose tracepoint reports only a thread's number.
    fn whose_thread(&self, pass: Option<u64>, marked: &Task, trigger: &Task) -> Task {
        let incident = self.open.iter().find(|incident| incident.pass == pass);
        let killed = incident.and_then(|incident| {
            let unmarked = |victim: &&Victim| victim.killed && !victim.marked;
            let same = incident.victims.iter().find(|victim| victim.task.tid == marked.tid);
            same.or_else(|| incident.victims.iter().rev().find(unmarked)).map(|victim| &victim.task)
        });
        let chosen = incident.and_then(|incident| incident.choice.as_ref()).map(|choice| &choice.task);
        let candidates = [killed, Some(trigger).filter(|trigger| trigger.tid == marked.tid), chosen];
        let Some(process) = candidates.into_iter().flatten().next() else { return marked.clone() };
        // The name and memory of another thread do not apply to this thread, but its process does.
        let mut task = Task { tid: marked.tid, ..process.clone() };
        if trigger.is_same_process(&task) {
            task.complete_from(trigger);
        }
        task
    }

    pub(super) fn take_sigkill(&mut self, boot_ns: u64, pass: Option<u64>, kill: &Sigkill) {
        let Some(_) = pass else {
            if !self.take_namespace_kill(boot_ns, kill) {
                self.memory.keep_kill(boot_ns, *kill);
            }
            return;
        };
        let task = target(kill);
        let incident = self.in_pass(boot_ns, pass);
        let victim = match incident.victim_mut(&task) {
            Some(victim) => victim,
            // The process was neither announced nor marked, and still killed: it shares the victim's memory.
            None => upsert(incident, &task, Role::SharedMm),
        };
        // The signal goes to the thread that is marked next, which need not be the thread that was chosen.
        if victim.sigkill_ns.is_none() && !victim.marked {
            (victim.task.tid, victim.task.comm) = (task.tid, task.comm);
        }
        victim.sigkill_ns = victim.sigkill_ns.or(Some(boot_ns));
    }

    pub(super) fn take_return(
        &mut self,
        boot_ns: u64,
        pass: Option<u64>,
        returned: OutOfMemoryReturn,
        steps: &mut Vec<Step>,
    ) {
        let heard = !self.ends_only;
        let incident = self.in_pass(boot_ns, pass);
        incident.returned = Some(returned);
        // All its marks were for victims of other incidents, so the pass made no decision of its own.
        if incident.victims.is_empty() && incident.choice.is_none() {
            self.open.retain(|incident| incident.pass != pass);
            return;
        }
        incident.decided = true;
        let domain = incident.domain();
        let mut decided = self.open.iter_mut().find(|incident| incident.pass == pass);
        decided.iter_mut().for_each(|incident| self.chains.join(incident));
        let decided = decided.filter(|_| heard).cloned();
        steps.extend(decided.map(|decided| Step::Decided(Box::new(self.completed(decided)))));
        self.end_runs_in(domain, steps);
    }

    pub(super) fn take_exit(&mut self, boot_ns: u64, exit: &Exit) {
        let start_boot_ns = (exit.start_boot_ns != 0).then_some(exit.start_boot_ns);
        let task = Task { pid: Some(exit.pid), tid: Some(exit.tid), start_boot_ns, ..Task::default() };
        for incident in &mut self.open {
            if let Some(victim) = incident.victim_mut(&task).filter(|victim| victim.exit_ns.is_none()) {
                victim.exit_ns = Some(boot_ns);
                incident.last_ns = incident.last_ns.max(boot_ns);
            }
        }
        self.take_exit_after_sigterm(boot_ns, &task);
    }

    pub(super) fn take_reap(&mut self, boot_ns: u64, reap: Reap) {
        for incident in &mut self.open {
            let Some(victim) = incident.victims.iter_mut().find(|victim| victim.task.tid == Some(reap.tid))
            else {
                continue;
            };
            match reap.step {
                Reap::START => victim.reap_start_ns = victim.reap_start_ns.or(Some(boot_ns)),
                Reap::FINISH => victim.reap_end_ns = victim.reap_end_ns.or(Some(boot_ns)),
                _ => {}
            }
            incident.last_ns = incident.last_ns.max(boot_ns);
        }
    }
}

/// Copies the memory of the marked thread to the chosen task.
/// If a process's leader has exited, the kernel chooses the process by its leader but measures a thread that still has the
/// memory: the one that it marks (`oom_badness`, <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L215>).
fn lend_memory(incident: &mut Incident, marked: &Task) {
    let choice = incident.choice.as_mut().map(|choice| &mut choice.task);
    if let Some(chosen) = choice.filter(|chosen| chosen.memory.is_none() && chosen.is_same_process(marked)) {
        (chosen.memory, chosen.exact) = (marked.memory, marked.exact);
    }
}

/// Returns the victim that is this process, with the new facts added. Adds a victim if there is none.
pub(super) fn upsert<'a>(incident: &'a mut Incident, task: &Task, role: Role) -> &'a mut Victim {
    let known = incident.victims.iter().position(|victim| victim.task.is_same_process(task));
    let index = known.unwrap_or_else(|| {
        incident.victims.push(Victim::new(task.clone(), role));
        incident.victims.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "the position was found, or pushed, just above")]
    let victim = &mut incident.victims[index];
    // A process that shares the victim's memory may later be killed as a member of the group.
    if victim.role == Role::SharedMm {
        victim.role = role;
    }
    victim.task.complete_from(task);
    victim
}

/// Returns the target of a SIGKILL.
pub(super) fn target(kill: &Sigkill) -> Task {
    let mut task = Task {
        pid: Some(kill.pid),
        tid: Some(kill.tid),
        comm: Some(ByteString::until_nul(&kill.comm)),
        start_boot_ns: (kill.start_boot_ns != 0).then_some(kill.start_boot_ns),
        memcg: (kill.memcg != 0).then_some(kill.memcg),
        ..Task::default()
    };
    task.complete_from(&Task::from(&kill.target));
    task
}

/// The machine's swap space at the decision, in pages. The kernel's counter may be less than 0 for a moment.
fn swap_at(choice: &OomKillProcess) -> Option<SwapSpace> {
    let pages = |count: i64| u64::try_from(count).unwrap_or(0);
    (choice.present & OomKillProcess::SWAP != 0).then(|| SwapSpace {
        free_pages: pages(choice.swap_free_pages),
        total_pages: pages(choice.swap_total_pages),
    })
}
