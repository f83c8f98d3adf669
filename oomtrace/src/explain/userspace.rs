//! No kernel OOM: user space sent SIGKILL. Whether it did so for memory is concluded from how short that was at the
//! moment, and from who did it.

use oomtrace_common::limits::COMM_BYTES;

use super::{
    Confidence, Finding,
    codes::Code,
    shortage::{self, Bounds},
};
use crate::{
    bytes::ByteString,
    incident::{Incident, Method, Task, UserKill, is_of},
};

/// Bytes of a name that the kernel keeps of a task (`TASK_COMM_LEN` without the zero).
const COMM_MAX: usize = COMM_BYTES - 1;

/// Programs that have no other purpose than to kill before the kernel must, by name or by executable.
const OOM_KILLERS: [&[u8]; 6] = [b"systemd-oomd", b"oomd", b"earlyoom", b"nohang", b"lmkd", b"bustd"];

/// What makes anybody's SIGKILL one for memory.
const ANYBODYS: Bounds = Bounds {
    // An idle machine and a busy one without shortage both show under 1; a tenth of the time waiting is felt.
    stall_percent: 10.0,
    // What is left to an idle program that keeps its page cache.
    stalled_available_percent: Some(25),
    // Where earlyoom begins to kill by default.
    available_percent: 10,
    // What is left is less than the page cache that a working program needs.
    used_percent: 90,
    // Full swap alone is no shortage: it stays full when that is long over.
    swap_free_percent: None,
};

/// What does for those whose purpose it is: they may have looked a while before, and their kill relieves at once.
const OOM_KILLERS_OWN: Bounds = Bounds {
    stall_percent: 1.0,
    stalled_available_percent: None,
    available_percent: 25,
    used_percent: 75,
    // systemd-oomd's default (`SwapUsedLimit=90%`).
    swap_free_percent: Some(10),
};

pub(super) fn rule(incident: &Incident) -> Option<Finding> {
    let user_kill = incident.user_kill.as_ref()?;
    let sender = incident.trigger.as_ref()?;
    let known = is_oom_killer(incident, sender);
    // What is left of a container or a service is taken down after the kernel has killed in it: a consequence.
    if user_kill.after_kernel_kill_ns.is_some() && !known {
        return None;
    }
    let shortage = shortage::find(incident, if known { &OOM_KILLERS_OWN } else { &ANYBODYS });
    let unread = incident.pressure.is_none();
    if shortage.signs.is_empty() && !(known && unread) {
        return None;
    }
    let mut evidence = vec![sent(sender, user_kill)];
    evidence.extend(counted(incident, user_kill));
    evidence.push(if known {
        format!("the only purpose of {} is to kill when memory is short", name(sender))
    } else {
        "the reason is inferred from how short memory was".to_owned()
    });
    evidence.extend(shortage.signs);
    if unread {
        evidence.push("it could not be read how short memory was".to_owned());
    }
    evidence.extend(
        user_kill
            .after_kernel_kill_ns
            .map(|ns| format!("the kernel had killed in the same cgroup {} ms earlier", ns / 1_000_000)),
    );
    let confidence = if known && !unread { Confidence::Observed } else { Confidence::Inferred };
    Some(Finding { code: Code::Userspace, confidence, evidence, domain: shortage.cgroup })
}

/// Who sent it and how.
fn sent(sender: &Task, user_kill: &UserKill) -> String {
    let how = match user_kill.code {
        None => match user_kill.method {
            Some(Method::CgroupKill) => "by cgroup.kill".to_owned(),
            Some(Method::Signal) => "by kill".to_owned(),
            None => "without information, as cgroup.kill does".to_owned(),
        },
        Some(0) => "by kill or pidfd_send_signal (si_code 0)".to_owned(),
        Some(-1) => "by rt_sigqueueinfo (si_code -1)".to_owned(),
        Some(-6) => "by tgkill (si_code -6)".to_owned(),
        Some(code) => format!("with si_code {code}"),
    };
    format!("{} sent SIGKILL {how}", name(sender))
}

/// How many processes, where not all are listed.
fn counted(incident: &Incident, user_kill: &UserKill) -> Option<String> {
    let listed = incident.victims.len();
    let count = user_kill.count(listed);
    let more = count > u64::try_from(listed).unwrap_or(u64::MAX);
    more.then(|| format!("it killed {count} processes, of which {listed} are listed"))
}

fn name(task: &Task) -> String {
    task.comm.as_ref().map_or_else(|| "a process".to_owned(), ByteString::to_words)
}

/// By its name, its process's or its executable's; a script is known by its name alone. The kernel cuts a name after 15 bytes.
fn is_oom_killer(incident: &Incident, sender: &Task) -> bool {
    let looked_up = incident.processes.iter().find(|process| is_of(process, sender));
    let exe = looked_up.and_then(|process| process.exe.as_ref()).map(ByteString::as_bytes);
    let program = exe.and_then(|path| path.rsplit(|byte| *byte == b'/').next());
    let names = [&sender.comm, &sender.leader_comm].into_iter().flatten().map(ByteString::as_bytes);
    let told = incident.session.iter().flat_map(|session| &session.killers).map(ByteString::as_bytes);
    let killers = || OOM_KILLERS.into_iter().chain(told.clone());
    let is_named = |name: &[u8]| killers().any(|killer| killer.get(..COMM_MAX).unwrap_or(killer) == name);
    names.clone().any(is_named) || program.is_some_and(|name| killers().any(|killer| killer == name))
}

#[cfg(test)]
mod tests {
    use super::OOM_KILLERS;

    #[test]
    fn every_name_fits_into_a_comm() {
        assert!(OOM_KILLERS.iter().all(|name| name.len() <= super::COMM_MAX));
    }
}
